"""Questions about pictures: MMAD's multiple choice, VisA-D&R's open ones."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from looktwice.datasets.readers.card import Card
from looktwice.datasets.readers.lookup import find, not_laid_out


@dataclass(frozen=True)
class Question:
    """One question about one picture.

    Attributes
    ----------
    image : Path
    text : str
    answer : str or None
        The letter of the right option, or the reference answer; None where the file has none.
    options : dict
        Letter to text; empty for an open question.
    kind : str
        What is asked about, where the file says ("Anomaly Detection", "Defect Localization" ...).
    category : str
        The kind of thing shown.
    templates : tuple of Path
        Normal pictures to compare with, the most similar first.
    mask : Path or None
    turn : int
        0-based position in the conversation about the picture.
    """

    image: Path
    text: str
    answer: str | None
    options: dict[str, str] = field(default_factory=dict)
    kind: str = ""
    category: str = ""
    templates: tuple[Path, ...] = ()
    mask: Path | None = None
    turn: int = 0


def read_mmad(root: Path, card: Card) -> list[Question]:
    """Read ``mmad.json``: picture to its conversation of multiple-choice questions (ICLR 2025)."""
    table = find(root, card, "mmad.json")
    base = table.parent
    questions = []
    try:
        for image, entry in _load(table).items():
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
        raise not_laid_out(root, card, "mmad.json does not map pictures to conversations") from None
    return questions


def read_visa_dr(root: Path, card: Card) -> list[Question]:
    """Read ``visa_dr.json``: a list of pictures with questions, and answers where they are given (CVPR 2025).

    Answers may be called ``answers`` or ``responses``, or questions and answers may be LLaVA's ``conversations``.
    Pictures are named from the folder above, as in ``VisA/candle/Data/...``.
    """
    table = find(root, card, "visa_dr.json")
    questions = []
    try:
        for entry in _load(table):
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
        raise not_laid_out(root, card, "visa_dr.json is no list of pictures with questions") from None
    return questions


def _mask(base: Path, place: list[str], name: str) -> Path:
    """Return where a mask lies: named from the category's folder, or as the metadata has it from the one below."""
    near, below = (base.joinpath(*place[:depth], name) for depth in (2, 3))
    return below if below.exists() and not near.exists() else near


def _load(table: Path) -> Any:
    return json.loads(table.read_text(encoding="utf-8"))


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
