"""Single slices of heads as people share them on Kaggle: BrainMRI, HeadCT, Br35H."""

from __future__ import annotations

import csv
from pathlib import Path

from looktwice.datasets.files import IMAGES, listed
from looktwice.datasets.hashing import content_hash
from looktwice.datasets.readers.card import Card
from looktwice.datasets.readers.lookup import find, not_laid_out
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


def read_head_ct(root: Path, card: Card) -> list[Sample]:
    """Read ``labels.csv`` (id, hemorrhage) and the pictures ``head_ct/<id>.png``."""
    table = find(root, card, "labels.csv")
    pictures = {int(path.stem): path for path in listed(_pictures(table.parent)) if path.stem.isdigit()}
    samples = []
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            try:
                number, label = int(row["id"]), int(row["hemorrhage"])
            except (KeyError, TypeError, ValueError):
                raise not_laid_out(root, card, "labels.csv needs the columns id and hemorrhage") from None
            samples.append(
                Sample(
                    path=pictures.get(number, table.parent / "head_ct" / f"{number:03d}.png"),
                    label=label,
                    mask=None,
                    category=card.name,
                    defect="hemorrhage" if label else GOOD,
                    split="test",
                    patient=None,
                    dataset=card.name,
                )
            )
    return samples


def _pictures(base: Path) -> Path:
    return next((folder for folder in (base / "head_ct" / "head_ct", base / "head_ct") if listed(folder)), base)
