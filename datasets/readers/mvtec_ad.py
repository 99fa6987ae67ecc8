"""MVTec AD: objects and textures, in the layout that others follow."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.folder import LAYOUT
from looktwice.datasets.layouts.mvtec import read_mvtec
from looktwice.datasets.sample import Sample

NAME = "mvtec-ad"
CARD = Card(
    NAME,
    title="MVTec AD",
    about="15 kinds of objects and textures, 5354 photographs, 73 kinds of defects, pixel masks.",
    licence="CC BY-NC-SA 4.0",
    home="https://www.mvtec.com/company/research/datasets/mvtec-ad",
    layout=LAYOUT,
    domain="industrial",
)


def read(root: Path) -> list[Sample]:
    """Read ``<category>/{train,test}/...``."""
    return read_mvtec(root, CARD)
