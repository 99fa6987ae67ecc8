"""BMAD's chest X-rays of the RSNA challenge: pneumonia."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.bmad import HOME, LABELS_LAYOUT, read_bmad
from looktwice.datasets.sample import Sample

NAME = "bmad-chest-xray"
CARD = Card(
    NAME,
    title="BMAD chest X-ray",
    about="Radiographs of the RSNA pneumonia challenge; no masks.",
    licence="as the RSNA challenge, research only",
    home=HOME,
    layout=LABELS_LAYOUT,
    domain="medical",
)


def read(root: Path) -> list[Sample]:
    """Read BMAD's folders."""
    return read_bmad(root, CARD, defect="pneumonia")
