"""MVTec 3D-AD: organised point clouds with a picture on the same grid."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.files import listed, stem, subfolders
from looktwice.datasets.layouts.lookup import not_laid_out
from looktwice.datasets.sample import GOOD, Sample, Split

NAME = "mvtec-3d-ad"
CARD = Card(
    NAME,
    title="MVTec 3D-AD",
    about="10 kinds of objects, 4147 organised scans with a picture on the same grid, masks on that grid.",
    licence="CC BY-NC-SA 4.0",
    home="https://www.mvtec.com/company/research/datasets/mvtec-3d-ad",
    layout="<category>/{train,validation,test}/<defect>/{xyz/NNN.tiff, rgb/NNN.png, gt/NNN.png}",
    domain="3d",
)

SPLITS: dict[str, Split] = {"train": "train", "validation": "train", "test": "test"}


def read(root: Path) -> list[Sample]:
    """Read ``<category>/<split>/<defect>/xyz/NNN.tiff`` with ``gt/NNN.png`` on its grid.

    The validation part, normal only, counts as training material. The picture lies beside in ``rgb/NNN.png``.
    """
    categories = [folder for folder in (root, *subfolders(root)) if (folder / "test" / GOOD / "xyz").is_dir()]
    if not categories:
        raise not_laid_out(root, CARD, "no category with test/good/xyz was found")
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
                        dataset=NAME,
                    )
                    for path in listed(defects / "xyz", (".tiff", ".tif"))
                ]
    return samples
