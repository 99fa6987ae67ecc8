"""Benchmarks in MVTec AD's own layout."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.folder import find_categories, read_category
from looktwice.datasets.layouts.lookup import not_laid_out
from looktwice.datasets.sample import GOOD, Sample


def read_mvtec(root: Path, card: Card, normal: str = GOOD) -> list[Sample]:
    """Read ``<category>/{train,test}/...`` where the folder `normal` holds the normal samples."""
    samples = [
        sample
        for folder in find_categories(root, normal=normal)
        for sample in read_category(folder, folder.resolve().name, card.name, normal)
    ]
    if not samples:
        raise not_laid_out(root, card, "no category was found")
    return samples
