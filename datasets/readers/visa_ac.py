"""VisA-AC: VisA's anomalous pictures by kind of defect, in MVTec AD's layout."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.folder import LAYOUT
from looktwice.datasets.layouts.mvtec import read_mvtec
from looktwice.datasets.sample import Sample

NAME = "visa-ac"
CARD = Card(
    NAME,
    title="VisA-AC",
    about="VisA's anomalous pictures, one kind of defect each, in one folder per kind (VELM).",
    licence="as VisA, CC BY 4.0",
    home="https://arxiv.org/abs/2505.02626",
    layout=LAYOUT,
    domain="industrial",
)


def read(root: Path) -> list[Sample]:
    """Read ``<category>/{train,test}/...``."""
    return read_mvtec(root, CARD)
