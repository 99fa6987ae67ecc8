"""BMAD's retinal OCT of OCT2017: three diseases."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.bmad import HOME, LABELS_LAYOUT, read_bmad
from looktwice.datasets.sample import Sample

NAME = "bmad-retina-oct2017"
CARD = Card(
    NAME,
    title="BMAD retinal OCT (OCT2017)",
    about="OCT slices with choroidal neovascularisation, diabetic macular oedema or drusen; no masks.",
    licence="CC BY 4.0",
    home=HOME,
    layout=LABELS_LAYOUT,
    domain="medical",
)


def read(root: Path) -> list[Sample]:
    """Read BMAD's folders."""
    return read_bmad(root, CARD)
