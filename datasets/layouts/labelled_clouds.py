"""Real3D-AD and Anomaly-ShapeNet: clouds in one folder, labels as text with one line per point."""

from __future__ import annotations

import re
from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.files import CLOUDS, listed, stem, subfolders
from looktwice.datasets.layouts.lookup import child, not_laid_out, seek
from looktwice.datasets.sample import GOOD, Sample

NORMAL = {"good", "positive", "template"}
_KIND = re.compile(r"[a-z]+")


def read_labelled_clouds(root: Path, card: Card) -> list[Sample]:
    """Read ``<category>/{train, test}/*.pcd`` with ``gt/<name>.txt`` (x y z label); the file's name has the defect."""
    base = seek(root, "Real3D-AD-PCD", "Real3D-AD-PLY", "dataset/pcd", "pcd") or root
    categories = [folder for folder in (base, *subfolders(base)) if (folder / "train").is_dir()]
    if not categories:
        raise not_laid_out(root, card, "no category with train and test was found")
    samples = []
    for category in categories:
        name = category.resolve().name
        labels = child(category, "gt")
        masks = {stem(path): path for path in listed(labels, (".txt",))} if labels else {}
        for path in listed(category / "train", CLOUDS):
            samples.append(_sample(path, GOOD, None, "train", name, card))
        for path in listed(category / "test", CLOUDS):
            defect = defect_in(stem(path), name)
            if defect == "template":
                continue
            normal = defect in NORMAL
            mask = None if normal else masks.get(stem(path))
            samples.append(_sample(path, GOOD if normal else defect, mask, "test", name, card))
    return samples


def defect_in(name: str, category: str) -> str:
    """Return the word for the defect in a name such as ``ashtray0_bulge12``, ``166_bulge_cut`` or ``1_good``."""
    words = _KIND.findall(name.removeprefix(category).lower())
    words = [word for word in words if word not in ("cut", "copy")]
    return next((word for word in words if word in NORMAL), words[-1] if words else GOOD)


def _sample(path: Path, defect: str, mask: Path | None, split: str, category: str, card: Card) -> Sample:
    return Sample(
        path=path,
        label=int(defect != GOOD),
        mask=mask,
        category=category,
        defect=defect,
        split="train" if split == "train" else "test",
        patient=None,
        dataset=card.name,
    )
