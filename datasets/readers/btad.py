"""BTAD: three industrial products, in MVTec AD's layout with other words."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.mvtec import read_mvtec
from looktwice.datasets.sample import Sample

NAME = "btad"
CARD = Card(
    NAME,
    title="BTAD",
    about="3 industrial products (01, 02, 03), 2830 photographs, pixel masks.",
    licence="CC BY-NC-SA 4.0",
    home="https://github.com/pankajmishra000/VT-ADL",
    layout="<01|02|03>/{train/ok, test/ok, test/ko, ground_truth/ko/<name>.png}",
    domain="industrial",
)


def read(root: Path) -> list[Sample]:
    """Read BTAD, which says ok and ko where MVTec AD says good and names the defect."""
    return read_mvtec(root, CARD, normal="ok")
