"""ELPV: electroluminescence pictures of solar cells with a probability of being defective."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.readers.card import Card
from looktwice.datasets.readers.lookup import find, not_laid_out
from looktwice.datasets.sample import GOOD, Sample


def read_elpv(root: Path, card: Card) -> list[Sample]:
    """Read cells that the experts were sure of: probability 0 is normal, 1 is defective.

    The 401 cells in between are left out, as the anomaly detection literature does (DRA, CVPR 2022).
    """
    table = find(root, card, "labels.csv")
    samples = []
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            image, probability, kind = line.split()
            sure = float(probability)
        except ValueError:
            raise not_laid_out(root, card, f"line {number} of labels.csv is no 'image probability type'") from None
        if sure in (0.0, 1.0):
            samples.append(
                Sample(
                    path=table.parent / image,
                    label=int(sure),
                    mask=None,
                    category=kind,
                    defect="defective" if sure else GOOD,
                    split="test",
                    patient=None,
                    dataset=card.name,
                )
            )
    return samples
