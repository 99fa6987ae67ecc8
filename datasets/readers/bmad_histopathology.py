"""BMAD's histopathology: patches of Camelyon16."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.bmad import HOME, LABELS_LAYOUT, read_bmad
from looktwice.datasets.sample import Sample

NAME = "bmad-histopathology"
CARD = Card(
    NAME,
    title="BMAD histopathology",
    about="Patches of Camelyon16 slides with and without metastasis; no masks.",
    licence="CC0",
    home=HOME,
    layout=LABELS_LAYOUT,
    domain="medical",
)


def read(root: Path) -> list[Sample]:
    """Read BMAD's folders."""
    return read_bmad(root, CARD, defect="metastasis")
