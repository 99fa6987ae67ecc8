"""HeadCT as shared on Kaggle: single slices, half of them with a haemorrhage."""

from __future__ import annotations

import csv
from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.files import listed
from looktwice.datasets.layouts.lookup import find, not_laid_out
from looktwice.datasets.sample import GOOD, Sample

NAME = "headct"
CARD = Card(
    NAME,
    title="HeadCT (Kaggle)",
    about="200 single slices, 100 with a haemorrhage; no masks, no split, no patients.",
    licence="not stated",
    home="https://www.kaggle.com/datasets/felipekitamura/head-ct-hemorrhage",
    layout="{labels.csv (id, hemorrhage), head_ct/head_ct/NNN.png}",
    domain="medical",
)


def read(root: Path) -> list[Sample]:
    """Read ``labels.csv`` (id, hemorrhage) and the pictures ``head_ct/<id>.png``."""
    table = find(root, CARD, "labels.csv")
    pictures = {int(path.stem): path for path in listed(_pictures(table.parent)) if path.stem.isdigit()}
    samples = []
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            try:
                number, label = int(row["id"]), int(row["hemorrhage"])
            except (KeyError, TypeError, ValueError):
                raise not_laid_out(root, CARD, "labels.csv needs the columns id and hemorrhage") from None
            samples.append(
                Sample(
                    path=pictures.get(number, table.parent / "head_ct" / f"{number:03d}.png"),
                    label=label,
                    mask=None,
                    category=NAME,
                    defect="hemorrhage" if label else GOOD,
                    split="test",
                    patient=None,
                    dataset=NAME,
                )
            )
    return samples


def _pictures(base: Path) -> Path:
    return next((folder for folder in (base / "head_ct" / "head_ct", base / "head_ct") if listed(folder)), base)
