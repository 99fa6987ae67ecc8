"""KolektorSDD: surfaces of electrical commutators, some with a crack."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.files import listed, stem, subfolders
from looktwice.datasets.masks import read_mask
from looktwice.datasets.readers.card import Card
from looktwice.datasets.readers.lookup import find
from looktwice.datasets.sample import GOOD, Sample


def read_kolektor(root: Path, card: Card) -> list[Sample]:
    """Read ``kosNN/PartM.jpg`` with ``PartM_label.bmp``; a part is defective where its label is not empty.

    The eight surfaces of one commutator share its name as `patient`.
    """
    base = find(root, card, "kos01").parent
    samples = []
    for item in subfolders(base):
        if not item.name.startswith("kos"):
            continue
        for path in listed(item, (".jpg", ".png")):
            mask = item / f"{stem(path)}_label.bmp"
            cracked = mask.is_file() and bool(read_mask(mask).any())
            samples.append(
                Sample(
                    path=path,
                    label=int(cracked),
                    mask=mask if cracked else None,
                    category="commutator",
                    defect="crack" if cracked else GOOD,
                    split="test",
                    patient=item.name,
                    dataset=card.name,
                )
            )
    return samples
