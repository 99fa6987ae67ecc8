"""VisA-D&R: open questions about VisA's photographs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from looktwice.datasets.card import Card
from looktwice.datasets.layouts.lookup import find, not_laid_out
from looktwice.datasets.question import Question

NAME = "visa-dr"
CARD = Card(
    NAME,
    title="VisA-D&R",
    about="Open questions on detection and reasoning about VisA's photographs (Anomaly-OneVision).",
    licence="as VisA, CC BY 4.0",
    home="https://github.com/honda-research-institute/Anomaly-OneVision",
    layout="{VisA/visa_dr.json, VisA/<category>/...}",
    domain="industrial",
    content="questions",
)


def read(root: Path) -> list[Question]:
    """Read ``visa_dr.json``: a list of pictures with questions, and answers where they are given (CVPR 2025).

    Answers may be called ``answers`` or ``responses``, or questions and answers may be LLaVA's ``conversations``.
    Pictures are named from the folder above, as in ``VisA/candle/Data/...``.
    """
    table = find(root, CARD, "visa_dr.json")
    questions = []
    try:
        for entry in json.loads(table.read_text(encoding="utf-8")):
            image = _picture(table.parent, entry["image"])
            asked, answers = _turns(entry)
            category = _category(entry["image"])
            questions += [
                Question(
                    image=image,
                    text=text,
                    answer=answers[number] if number < len(answers) else None,
                    category=category,
                    turn=number,
                )
                for number, text in enumerate(asked)
            ]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise not_laid_out(root, CARD, "visa_dr.json is no list of pictures with questions") from None
    return questions


def _picture(folder: Path, name: str) -> Path:
    """Return where a picture lies: named from the table's folder, or from the one above it."""
    inside = folder / name
    return inside if inside.exists() or not (folder.parent / name).exists() else folder.parent / name


def _turns(entry: dict[str, Any]) -> tuple[list[str], list[str]]:
    if "conversations" in entry:
        said = [turn["value"].replace("<image>", "").strip() for turn in entry["conversations"]]
        return said[::2], said[1::2]
    return list(entry["questions"]), list(entry.get("answers") or entry.get("responses") or [])


def _category(image: str) -> str:
    """Return the folder after ``VisA`` in a picture's name, else its first folder."""
    parts = image.split("/")
    start = next((number + 1 for number, part in enumerate(parts) if part.lower() == "visa"), 0)
    return parts[start] if start < len(parts) - 1 else ""
