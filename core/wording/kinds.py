"""The kinds of anomaly that the embedded reasoner can name, and what benchmarks and painters call them."""

from __future__ import annotations

import re

UNCLEAR = "unclear"
"""Said where there is an anomaly whose kind cannot be told."""

KINDS = {
    "scratch": "a scratch",
    "crack": "a crack",
    "stain": "a stain",
    "spots": "spots",
    "foreign material": "foreign material",
    "fibre": "a fibre",
    "hole": "a hole",
    "missing part": "a missing part",
    "deformation": "a deformation",
    "changed texture": "a changed texture",
    "misplaced part": "a misplaced part",
    "shading": "uneven shading",
    "lesion": "a lesion",
    "opacity": "an opacity",
    "mass": "a mass",
}
"""Each kind with its article, as it stands in a sentence."""

_CALLED = {
    "scratch": ("scratch", "scratches", "cut line"),
    "crack": ("crack",),
    "stain": ("stain", "fill", "oil", "colour", "color", "contamination"),
    "spots": ("specks", "spots", "spot"),
    "foreign material": ("foreign_patch", "inclusion", "foreign"),
    "fibre": ("fibre", "thread", "fiber"),
    "hole": ("hole", "blowhole", "blow hole", "puncture"),
    "missing part": ("erase", "break_off", "broken_off", "break", "broken", "cut", "missing", "chip"),
    "deformation": ("deform", "bulge", "dent", "bend", "bent", "warp", "sink"),
    "changed texture": ("perlin_texture", "rough", "blur", "fray", "patches"),
    "misplaced part": ("cut_paste", "scar", "dislocate", "duplicate", "seamless", "misplaced", "flip"),
    "shading": ("shade", "uneven"),
    "lesion": ("lesion", "bright", "dark", "cyst", "ring", "bleed", "plaques", "stroke", "tumor", "tumour"),
    "opacity": ("pneumonia", "opacity", "consolidation"),
    "mass": ("mass", "benign", "malignant", "nodule"),
}
_BY_NAME = {name.replace("_", " "): kind for kind, names in _CALLED.items() for name in names}


def kind_of(name: str) -> str | None:
    """Return the kind that a benchmark's folder or a painter's name stands for; None where it says no kind."""
    return _BY_NAME.get(name.replace("_", " ").replace("-", " ").strip().lower())


def phrase(kind: str) -> str:
    """Return a kind as it stands in a sentence: "a scratch"; a name that is none of ours is quoted."""
    return KINDS.get(kind, f'of the kind "{kind}"')


def kinds_in(text: str) -> set[str]:
    """Return the kinds that a text names; "lesion", which any finding is called, only as what it is likely to be."""
    lowered = text.lower()
    return {
        kind
        for kind, words in KINDS.items()
        if f"likely {words}" in lowered or (kind != "lesion" and re.search(rf"\b{kind}\b", lowered))
    }
