"""MVTec-AC: MVTec AD with corrected kinds of defects, in its layout."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.folder import LAYOUT
from looktwice.datasets.layouts.mvtec import read_mvtec
from looktwice.datasets.sample import Sample

NAME = "mvtec-ac"
CARD = Card(
    NAME,
    title="MVTec-AC",
    about="MVTec AD with corrected kinds of defects: 36 pictures relabelled, kinds that overlap merged (VELM).",
    licence="as MVTec AD, CC BY-NC-SA 4.0",
    home="https://arxiv.org/abs/2505.02626",
    layout=LAYOUT,
    domain="industrial",
)


def read(root: Path) -> list[Sample]:
    """Read ``<category>/{train,test}/...``."""
    return read_mvtec(root, CARD)
