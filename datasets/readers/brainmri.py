"""BrainMRI as shared on Kaggle: single slices, some with a tumour."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.yes_no import read_yes_no
from looktwice.datasets.sample import Sample

NAME = "brainmri"
CARD = Card(
    NAME,
    title="BrainMRI (Kaggle)",
    about="253 single slices, 155 with a tumour; no masks, no split, no patients. Not BMAD's brain MRI.",
    licence="not stated",
    home="https://www.kaggle.com/datasets/navoneel/brain-mri-images-for-brain-tumor-detection",
    layout="{yes,no}/<name>.jpg",
    domain="medical",
)


def read(root: Path) -> list[Sample]:
    """Read the folders ``yes`` and ``no``."""
    return read_yes_no(root, CARD)
