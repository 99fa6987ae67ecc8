"""Eyecandies: rendered sweets under six lights, with depth and normals."""

from __future__ import annotations

from pathlib import Path

import yaml

from looktwice.datasets.card import Card
from looktwice.datasets.files import entries, subfolders
from looktwice.datasets.layouts.lookup import not_laid_out
from looktwice.datasets.sample import GOOD, Sample, Split

NAME = "eyecandies"
CARD = Card(
    NAME,
    title="Eyecandies",
    about=(
        "10 kinds of rendered sweets, 15500 samples under six lights with depth and normals; the picture under "
        "global light is read, the private test set, which has no ground truth, is not."
    ),
    licence="CC BY-NC-SA 4.0",
    home="https://eyecan-ai.github.io/eyecandies/",
    layout="<category>/{train,val,test_public}/data/{NNN_image_5.png, NNN_mask.png, NNN_metadata.yaml, NNN_depth.png}",
    domain="3d",
)

PARTS: dict[str, Split] = {"train": "train", "val": "train", "test_public": "test"}
KINDS = ("bumps", "colors", "dents", "normals")
PICTURE = "_image_5.png"
"""Under global light; depth, normals and the other lights lie beside."""


def read(root: Path) -> list[Sample]:
    """Read the public parts; the private test set has no ground truth and is left out."""
    categories = [folder for folder in (root, *subfolders(root)) if (folder / "test_public" / "data").is_dir()]
    if not categories:
        raise not_laid_out(root, CARD, "no category with test_public/data was found")
    return [
        _sample(path, split, category.resolve().name)
        for category in categories
        for part, split in PARTS.items()
        for path in entries(category / part / "data")
        if path.name.endswith(PICTURE)
    ]


def _sample(path: Path, split: Split, category: str) -> Sample:
    number = path.name[: -len(PICTURE)]
    said = path.with_name(f"{number}_metadata.yaml")
    try:
        labels = (yaml.safe_load(said.read_text(encoding="utf-8")) or {}) if said.is_file() else {}
        kinds = [kind for kind in KINDS if labels.get(kind)]
        anomalous = bool(labels.get("anomalous")) or bool(kinds)
    except (yaml.YAMLError, AttributeError):
        raise not_laid_out(path.parent, CARD, f"{said.name} contains no labels") from None
    mask = path.with_name(f"{number}_mask.png")
    return Sample(
        path=path,
        label=int(anomalous),
        mask=mask if anomalous and mask.is_file() else None,
        category=category,
        defect=("+".join(kinds) or "anomaly") if anomalous else GOOD,
        split=split,
        patient=None,
        dataset=NAME,
    )
