"""Br35H as shared on Kaggle: single slices, many of them copies."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.yes_no import read_yes_no
from looktwice.datasets.sample import Sample

NAME = "br35h"
CARD = Card(
    NAME,
    title="Br35H (Kaggle)",
    about=(
        "3000 single slices, half with a tumour; its files hold only 607 distinct pictures, and copies count as one "
        "patient here. No masks, no split."
    ),
    licence="not stated",
    home="https://www.kaggle.com/datasets/ahmedhamada0/brain-tumor-detection",
    layout="{yes/y<n>.jpg, no/no<n>.jpg}",
    domain="medical",
)


def read(root: Path) -> list[Sample]:
    """Read the folders ``yes`` and ``no``; copies of one picture count as one patient."""
    return read_yes_no(root, CARD, copies=True)
