"""BMAD's six medical sets: one way to sort pictures, three ways to spell it."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.files import IMAGES, listed, stem
from looktwice.datasets.layouts.lookup import child, find, not_laid_out
from looktwice.datasets.sample import GOOD, Sample, Split

HOME = "https://github.com/DorisBao/BMAD"
MASKS_LAYOUT = (
    "{train/good/img, valid/{good,Ungood}/{img,label}, test/{good,Ungood}/{img,label}}/<name>.png; "
    "liver: {valid,test}/{img,label}/{good,Ungood}"
)
LABELS_LAYOUT = "{train/good, valid/{good,Ungood}, test/{good,Ungood}}/<name>.png"
SPLITS: tuple[tuple[tuple[str, ...], Split], ...] = (
    (("train",), "train"),
    (("valid", "val"), "train"),
    (("test",), "test"),
)


def read_bmad(root: Path, card: Card, defect: str = "anomaly", by_patient: bool = False) -> list[Sample]:
    """Read one set of BMAD.

    Pictures lie in ``<split>/<good|Ungood>``, in ``<split>/<good|Ungood>/img`` with masks in ``label``, or in
    ``<split>/img/<good|Ungood>`` with masks in ``<split>/label/Ungood`` (liver). The validation part is for tuning and
    counts as training material, anomalous pictures included.

    Parameters
    ----------
    defect : str
        What the anomalous pictures show.
    by_patient : bool
        Names are ``<patient>_<slice>``.
    """
    base = find(root, card, "test/Ungood", "test/ungood", "test/img/Ungood", "test/img/ungood")
    base = base.parent.parent if base.parent.name != "img" else base.parent.parent.parent
    samples = []
    for names, split in SPLITS:
        folder = child(base, *names)
        if folder is None:
            continue
        for anomalous, kind in ((False, "good"), (True, "ungood")):
            pictures, labels = _places(folder, kind)
            masks = {stem(path): path for path in listed(labels, IMAGES)} if labels and anomalous else {}
            samples += [
                Sample(
                    path=path,
                    label=int(anomalous),
                    mask=masks.get(stem(path)),
                    category=card.name,
                    defect=defect if anomalous else GOOD,
                    split=split,
                    patient=stem(path).rpartition("_")[0] or None if by_patient else None,
                    dataset=card.name,
                )
                for path in listed(pictures, IMAGES)
            ]
    if not samples:
        raise not_laid_out(root, card, "it contains no images")
    return samples


def _places(split: Path, kind: str) -> tuple[Path, Path | None]:
    """Return where the pictures of a kind lie, and where their masks do."""
    for pictures, labels in ((child(split, kind), None), (child(split, "img"), child(split, "label"))):
        if pictures is None:
            continue
        if labels is None:
            inner = child(pictures, "img")
            return (inner, child(pictures, "label")) if inner else (pictures, None)
        outer = child(pictures, kind)
        if outer:
            return outer, child(labels, kind)
    inner = child(split / "img", kind)
    return (inner or split / kind), None
