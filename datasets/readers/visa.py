"""VisA as published (``split_csv/1cls.csv``), or as its authors' script lays it out, in MVTec AD's way."""

from __future__ import annotations

import csv
from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.folder import LAYOUT
from looktwice.datasets.layouts.lookup import not_laid_out, seek
from looktwice.datasets.layouts.mvtec import read_mvtec
from looktwice.datasets.sample import GOOD, Sample

NAME = "visa"
CARD = Card(
    NAME,
    title="VisA",
    about="12 kinds of objects (boards, several instances, roughly aligned), 10821 photographs, pixel masks.",
    licence="CC BY 4.0",
    home="https://github.com/amazon-science/spot-diff",
    layout=(
        "{split_csv/1cls.csv, <category>/image_anno.csv, <category>/Data/Images/{Normal,Anomaly}/<name>.JPG, "
        f"<category>/Data/Masks/Anomaly/<name>.png}}, or as prepared by its authors: {LAYOUT}"
    ),
    domain="industrial",
)


def read(root: Path) -> list[Sample]:
    """Read the one-class split: the training normals, and the test set of the paper (ECCV 2022)."""
    table = seek(root, "split_csv/1cls.csv")
    if table is None:
        return read_mvtec(root, CARD)
    base = table.parent.parent
    defects: dict[str, dict[str, str]] = {}
    samples = []
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not {"object", "split", "label", "image"} <= row.keys():
                raise not_laid_out(root, CARD, f"{table.name} needs the columns object,split,label,image,mask")
            category = row["object"]
            if category not in defects:
                defects[category] = _defects(base / category / "image_anno.csv")
            anomalous = row["label"] != "normal"
            samples.append(
                Sample(
                    path=base / row["image"],
                    label=int(anomalous),
                    mask=base / row["mask"] if anomalous and row.get("mask") else None,
                    category=category,
                    defect=defects[category].get(row["image"], "anomaly") if anomalous else GOOD,
                    split="train" if row["split"] == "train" else "test",
                    patient=None,
                    dataset=NAME,
                )
            )
    return samples


def _defects(path: Path) -> dict[str, str]:
    """Return the kinds of anomaly by picture, where the category says so."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["image"]: row["label"] for row in csv.DictReader(file) if row.get("label")}
