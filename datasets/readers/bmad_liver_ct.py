"""BMAD's liver CT: slices of BTCV and LiTS."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.bmad import HOME, MASKS_LAYOUT, read_bmad
from looktwice.datasets.sample import Sample

NAME = "bmad-liver-ct"
CARD = Card(
    NAME,
    title="BMAD liver CT",
    about="Liver slices, normal ones of BTCV, tumours of LiTS, tumour masks.",
    licence="as BTCV and LiTS (CC BY-NC-SA 4.0)",
    home=HOME,
    layout=MASKS_LAYOUT,
    domain="medical",
)


def read(root: Path) -> list[Sample]:
    """Read BMAD's folders."""
    return read_bmad(root, CARD, defect="tumour")
