"""MPDD: painted metal parts, in MVTec AD's layout."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.folder import LAYOUT
from looktwice.datasets.layouts.mvtec import read_mvtec
from looktwice.datasets.sample import Sample

NAME = "mpdd"
CARD = Card(
    NAME,
    title="MPDD",
    about="6 kinds of painted metal parts in changing poses and light, 1346 photographs, pixel masks.",
    licence="not stated",
    home="https://github.com/stepanje/MPDD",
    layout=LAYOUT,
    domain="industrial",
)


def read(root: Path) -> list[Sample]:
    """Read ``<category>/{train,test}/...``."""
    return read_mvtec(root, CARD)
