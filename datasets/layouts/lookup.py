"""Finding a benchmark's landmarks: archives unpack to one folder more or less."""

from __future__ import annotations

from pathlib import Path

from looktwice.core.errors import InputError
from looktwice.datasets.card import Card
from looktwice.datasets.files import entries, subfolders

DEPTH = 3


def find(root: Path, card: Card, *names: str) -> Path:
    """Return the first of `names` (files or folders) at `root` or up to three folders below it, nearest first.

    Raises
    ------
    InputError
        None is there; the message says how the folder must look.
    """
    found = seek(root, *names)
    if found is None:
        raise not_laid_out(root, card, f"there is no {' or '.join(names)}")
    return found


def seek(root: Path, *names: str) -> Path | None:
    """Return the first of `names` at `root` or up to three folders below it, or None."""
    if not root.is_dir():
        raise InputError(f"{root} is not a folder")
    level = [root]
    for _ in range(DEPTH + 1):
        for folder in level:
            for name in names:
                if (folder / name).exists():
                    return folder / name
        level = [below for folder in level for below in subfolders(folder)]
    return None


def child(folder: Path, *names: str) -> Path | None:
    """Return the entry of `folder` with one of `names`, whatever its case, or None."""
    wanted = {name.lower() for name in names}
    return next((path for path in entries(folder) if path.name.lower() in wanted), None)


def not_laid_out(root: Path, card: Card, why: str) -> InputError:
    """Return the error that says what is missing and how the folder must look."""
    return InputError(f"{root} is not laid out as {card.title}: {why}; expected {' '.join(card.layout.split())}")
