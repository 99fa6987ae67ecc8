"""Real-IAD: thirty kinds of parts, five cameras each, with a split in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from looktwice.datasets.readers.card import Card
from looktwice.datasets.readers.lookup import find, not_laid_out, seek
from looktwice.datasets.sample import GOOD, Sample, Split

DEFECTS = {
    "AK": "pit",
    "BX": "deformation",
    "CH": "abrasion",
    "HS": "scratch",
    "PS": "damage",
    "QS": "missing_part",
    "YW": "foreign_object",
    "ZW": "contamination",
}
IMAGES = ("realiad_1024", "realiad_512", "realiad_256", "realiad_raw")


def read_real_iad(root: Path, card: Card) -> list[Sample]:
    """Read the multi-view split; the five pictures of one part share its folder as `patient`."""
    splits = find(root, card, "realiad_jsons/realiad_jsons", "realiad_jsons")
    pictures = seek(root, *IMAGES) or root
    samples: list[Sample] = []
    for file in sorted(splits.glob("*.json")):
        try:
            split = json.loads(file.read_text(encoding="utf-8"))
            meta = split["meta"]
            prefix, normal = meta.get("prefix", f"{file.stem}/"), meta["normal_class"]
            for part in ("train", "test"):
                samples += [
                    _sample(entry, pictures / prefix, normal, "train" if part == "train" else "test", file.stem, card)
                    for entry in split[part]
                ]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise not_laid_out(root, card, f"{file.name} has no meta, train and test as Real-IAD has them") from None
    return samples


def _sample(entry: dict[str, Any], base: Path, normal: str, split: Split, category: str, card: Card) -> Sample:
    kind = entry["anomaly_class"]
    anomalous = kind != normal
    path = base / entry["image_path"]
    return Sample(
        path=path,
        label=int(anomalous),
        mask=base / entry["mask_path"] if anomalous and entry.get("mask_path") else None,
        category=category,
        defect=DEFECTS.get(kind, kind) if anomalous else GOOD,
        split=split,
        patient="/".join((category, *Path(entry["image_path"]).parts[:-1])),
        dataset=card.name,
    )
