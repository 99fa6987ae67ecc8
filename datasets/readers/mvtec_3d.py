"""MVTec 3D-AD: organised point clouds with a picture on the same grid."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.files import listed, stem, subfolders
from looktwice.datasets.readers.card import Card
from looktwice.datasets.readers.lookup import not_laid_out
from looktwice.datasets.sample import GOOD, Sample, Split

SPLITS: dict[str, Split] = {"train": "train", "validation": "train", "test": "test"}


def read_mvtec_3d(root: Path, card: Card) -> list[Sample]:
    """Read ``<category>/<split>/<defect>/xyz/NNN.tiff`` with ``gt/NNN.png`` on its grid.

    The validation part, normal only, counts as training material. The picture lies beside in ``rgb/NNN.png``.
    """
    categories = [folder for folder in (root, *subfolders(root)) if (folder / "test" / GOOD / "xyz").is_dir()]
    if not categories:
        raise not_laid_out(root, card, "no category with test/good/xyz was found")
    samples = []
    for category in categories:
        for part, split in SPLITS.items():
            for defects in subfolders(category / part):
                anomalous = defects.name != GOOD
                masks = {stem(path): path for path in listed(defects / "gt")} if anomalous else {}
                samples += [
                    Sample(
                        path=path,
                        label=int(anomalous),
                        mask=masks.get(stem(path)),
                        category=category.resolve().name,
                        defect=defects.name,
                        split=split,
                        patient=None,
                        dataset=card.name,
                    )
                    for path in listed(defects / "xyz", (".tiff", ".tif"))
                ]
    return samples
