"""Pictures sorted into the folders ``yes`` and ``no``, as people share them on Kaggle."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.files import IMAGES, listed
from looktwice.datasets.hashing import content_hash
from looktwice.datasets.layouts.lookup import find
from looktwice.datasets.sample import GOOD, Sample


def read_yes_no(root: Path, card: Card, defect: str = "tumour", copies: bool = False) -> list[Sample]:
    """Read the folders ``yes`` and ``no``; all of it is for testing.

    Parameters
    ----------
    copies : bool
        The set holds many files more than once: files of one content then share `patient`, so that intervals, which
        are drawn over patients, do not count copies as evidence.
    """
    base = find(root, card, "yes").parent
    return [
        Sample(
            path=path,
            label=label,
            mask=None,
            category=card.name,
            defect=defect if label else GOOD,
            split="test",
            patient=content_hash(path) if copies else None,
            dataset=card.name,
        )
        for folder, label in (("no", 0), ("yes", 1))
        for path in listed(base / folder, IMAGES)
    ]
