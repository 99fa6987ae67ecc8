"""AITEX: strips of fabric, seven kinds of it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.files import listed, stem, subfolders
from looktwice.datasets.layouts.lookup import find, not_laid_out
from looktwice.datasets.sample import GOOD, Sample

NAME = "aitex"
CARD = Card(
    NAME,
    title="AITEX AFID",
    about="245 strips of 7 fabrics, 4096 x 256, 12 kinds of defects, pixel masks. No split.",
    licence="not stated",
    home="https://www.aitex.es/afid/",
    layout=(
        "{Defect_images/<number>_<defect>_<fabric>.png, Mask_images/<same>_mask.png (or _mask1, _mask2), "
        "NODefect_images/<roll>/<number>_000_<fabric>.png}"
    ),
    domain="industrial",
)

DEFECTS = {
    "002": "broken_end",
    "006": "broken_yarn",
    "010": "broken_pick",
    "016": "weft_curling",
    "019": "fuzzyball",
    "022": "cut_selvage",
    "023": "crease",
    "025": "warp_ball",
    "027": "knots",
    "029": "contamination",
    "030": "nep",
    "036": "weft_crack",
}


def read(root: Path) -> list[Sample]:
    """Read strips named ``<number>_<defect code>_<fabric code>.png``; several masks of one strip are united."""
    defective = find(root, CARD, "Defect_images")
    base = defective.parent
    masks: dict[str, list[Path]] = defaultdict(list)
    for mask in listed(base / "Mask_images"):
        masks[stem(mask).partition("_mask")[0]].append(mask)
    samples = [_sample(path, masks.get(stem(path), []), root) for path in listed(defective)]
    normal = base / "NODefect_images"
    files = [*listed(normal), *(path for roll in subfolders(normal) for path in listed(roll))]
    return samples + [_sample(path, None, root) for path in files]


def _sample(path: Path, masks: list[Path] | None, root: Path) -> Sample:
    """Make a sample; `masks` is None for a strip without a defect."""
    parts = stem(path).split("_")
    if len(parts) < 3:
        raise not_laid_out(root, CARD, f"{path.name} is not named <number>_<defect code>_<fabric code>.png")
    return Sample(
        path=path,
        label=int(masks is not None),
        mask=masks[0] if masks else None,
        more_masks=tuple(masks[1:]) if masks else (),
        category="fabric",
        defect=GOOD if masks is None else DEFECTS.get(parts[1], parts[1]),
        split="test",
        patient=None,
        dataset=NAME,
    )
