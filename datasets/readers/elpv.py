"""ELPV: electroluminescence pictures of solar cells with a probability of being defective."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.lookup import find, not_laid_out
from looktwice.datasets.sample import GOOD, Sample

NAME = "elpv"
CARD = Card(
    NAME,
    title="ELPV",
    about=(
        "2624 solar cells in electroluminescence, mono- and polycrystalline, with a probability of defect; the "
        "1508 at 0 and the 715 at 1 are read, those in between left out. No masks, no split."
    ),
    licence="CC BY-NC-SA 4.0",
    home="https://github.com/zae-bayern/elpv-dataset",
    layout="{labels.csv (image probability type), images/cellNNNN.png}",
    domain="industrial",
)


def read(root: Path) -> list[Sample]:
    """Read cells that the experts were sure of: probability 0 is normal, 1 is defective.

    The 401 cells in between are left out, as the anomaly detection literature does (DRA, CVPR 2022).
    """
    table = find(root, CARD, "labels.csv")
    samples = []
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            image, probability, kind = line.split()
            sure = float(probability)
        except ValueError:
            raise not_laid_out(root, CARD, f"line {number} of labels.csv is no 'image probability type'") from None
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
                    dataset=NAME,
                )
            )
    return samples
