"""MMAD: multiple-choice questions about industrial photographs."""

from __future__ import annotations

import json
from pathlib import Path

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.lookup import find, not_laid_out
from looktwice.datasets.question import Question

NAME = "mmad"
CARD = Card(
    NAME,
    title="MMAD",
    about="39672 multiple-choice questions about 8366 photographs of MVTec AD, MVTec LOCO, VisA and GoodsAD.",
    licence="CC BY-NC-SA 4.0 (pictures: as their sets)",
    home="https://github.com/jam-cc/MMAD",
    layout="{mmad.json, DS-MVTec/<category>/image/..., MVTec-LOCO/..., VisA/..., GoodsAD/...}",
    domain="industrial",
    content="questions",
)


def read(root: Path) -> list[Question]:
    """Read ``mmad.json``: picture to its conversation of multiple-choice questions (ICLR 2025)."""
    table = find(root, CARD, "mmad.json")
    base = table.parent
    questions = []
    try:
        for image, entry in json.loads(table.read_text(encoding="utf-8")).items():
            place = image.split("/")
            mask = entry.get("mask_path")
            templates = tuple(base / path for path in entry.get("similar_templates", []))
            questions += [
                Question(
                    image=base / image,
                    text=turn["Question"],
                    answer=turn.get("Answer"),
                    options=dict(turn.get("Options") or {}),
                    kind=turn.get("type", ""),
                    category=place[1] if len(place) > 2 else "",
                    templates=templates,
                    mask=_mask(base, place, mask) if mask else None,
                    turn=number,
                )
                for number, turn in enumerate(entry["conversation"])
            ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise not_laid_out(root, CARD, "mmad.json does not map pictures to conversations") from None
    return questions


def _mask(base: Path, place: list[str], name: str) -> Path:
    """Return where a mask lies: named from the category's folder, or as the metadata has it from the one below."""
    near, below = (base.joinpath(*place[:depth], name) for depth in (2, 3))
    return below if below.exists() and not near.exists() else near
