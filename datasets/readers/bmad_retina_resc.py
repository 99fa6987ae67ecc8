"""BMAD's retinal OCT of RESC: oedema."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.bmad import HOME, MASKS_LAYOUT, read_bmad
from looktwice.datasets.sample import Sample

NAME = "bmad-retina-resc"
CARD = Card(
    NAME,
    title="BMAD retinal OCT (RESC)",
    about="OCT slices with retinal oedema, masks.",
    licence="not stated, research only",
    home=HOME,
    layout=MASKS_LAYOUT,
    domain="medical",
)


def read(root: Path) -> list[Sample]:
    """Read BMAD's folders."""
    return read_bmad(root, CARD, defect="oedema")
