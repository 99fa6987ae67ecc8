"""Real-IAD: thirty kinds of parts, five cameras each, with a split in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.lookup import find, not_laid_out, seek
from looktwice.datasets.sample import GOOD, Sample, Split

NAME = "real-iad"
CARD = Card(
    NAME,
    title="Real-IAD",
    about=(
        "30 kinds of parts from 5 cameras each, 151050 photographs, 8 kinds of defects, pixel masks; the pictures "
        "of one part belong together."
    ),
    licence="CC BY-NC-SA 4.0, on request",
    home="https://realiad4ad.github.io/Real-IAD/",
    layout=(
        "{realiad_jsons/realiad_jsons/<category>.json, realiad_1024/<category>/{OK,NG}/.../<name>.jpg} "
        "(or realiad_512, realiad_256)"
    ),
    domain="industrial",
)

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


def read(root: Path) -> list[Sample]:
    """Read the multi-view split; the five pictures of one part share its folder as `patient`."""
    splits = find(root, CARD, "realiad_jsons/realiad_jsons", "realiad_jsons")
    pictures = seek(root, *IMAGES) or root
    samples: list[Sample] = []
    for file in sorted(splits.glob("*.json")):
        try:
            split = json.loads(file.read_text(encoding="utf-8"))
            meta = split["meta"]
            prefix, normal = meta.get("prefix", f"{file.stem}/"), meta["normal_class"]
            for part in ("train", "test"):
                samples += [
                    _sample(entry, pictures / prefix, normal, "train" if part == "train" else "test", file.stem)
                    for entry in split[part]
                ]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise not_laid_out(root, CARD, f"{file.name} has no meta, train and test as Real-IAD has them") from None
    return samples


def _sample(entry: dict[str, Any], base: Path, normal: str, split: Split, category: str) -> Sample:
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
        dataset=NAME,
    )
