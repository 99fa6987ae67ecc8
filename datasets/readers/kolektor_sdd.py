"""KolektorSDD: surfaces of electrical commutators, some with a crack."""

from __future__ import annotations

from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.files import listed, stem, subfolders
from looktwice.datasets.layouts.lookup import find
from looktwice.datasets.masks import read_mask
from looktwice.datasets.sample import GOOD, Sample

NAME = "kolektor-sdd"
CARD = Card(
    NAME,
    title="KolektorSDD",
    about="399 surfaces of 50 commutators, 52 cracked, pixel masks; surfaces of one commutator belong together.",
    licence="CC BY-NC-SA 4.0",
    home="https://www.vicos.si/resources/kolektorsdd/",
    layout="kos<NN>/{Part<M>.jpg, Part<M>_label.bmp}",
    domain="industrial",
)


def read(root: Path) -> list[Sample]:
    """Read ``kosNN/PartM.jpg`` with ``PartM_label.bmp``; a part is defective where its label is not empty.

    The eight surfaces of one commutator share its name as `patient`.
    """
    base = find(root, CARD, "kos01").parent
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
                    dataset=NAME,
                )
            )
    return samples
