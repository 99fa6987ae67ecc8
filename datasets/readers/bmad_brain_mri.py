"""BMAD's brain MRI: slices of BraTS2021."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.bmad import HOME, MASKS_LAYOUT, read_bmad
from looktwice.datasets.sample import Sample

NAME = "bmad-brain-mri"
CARD = Card(
    NAME,
    title="BMAD brain MRI",
    about="Slices of BraTS2021 FLAIR volumes, tumour masks, patient in the file name. Not the BrainMRI of Kaggle.",
    licence="as BraTS2021, research only",
    home=HOME,
    layout=MASKS_LAYOUT,
    domain="medical",
)


def read(root: Path) -> list[Sample]:
    """Read BMAD's folders."""
    return read_bmad(root, CARD, defect="tumour", by_patient=True)
