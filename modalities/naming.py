"""What a study is called, and what it is known by when it comes again."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from looktwice.core.study import Study
from looktwice.modalities.inputs import Input, origin_of

LONGEST_STEM = 80
"""Characters of a file's name that a study's keeps: folder names are limited to 255 bytes, four a character."""

BESIDE = (".mhd", ".nhdr", ".hdr", ".gltf")
"""Files that describe what lies in a file of the same stem beside them."""


def settle(study: Study, asked: Input, medical: bool) -> None:
    """Give a study that was opened from an input its name, its identity, its files and what it is shown as.

    Parameters
    ----------
    study : Study
    asked : Input
    medical : bool
        Whether the user says that inputs show patients: a file's name may hold one's, and is not used.
    """
    study.notes[:0] = asked.notes
    study.origin = f"{asked.identity} {asked.files[0]}" if asked.identity and asked.files else origin_of(asked.source)
    path = asked.source if isinstance(asked.source, (str, os.PathLike)) else None
    if path is not None:
        by_adapter = study.identity
        study.identity = identity_of(asked, by_adapter)
        study.files = asked.files or files_at(Path(path))
        if not by_adapter:
            stem = str(study.scan_kind) if medical else stem_of(Path(asked.shown or path))
            study.name = f"{stem}-{short(study.identity)}"
    if asked.name:
        study.name = asked.name
    if asked.shown:
        study.source = Path(asked.shown)


def identity_of(asked: Input, by_adapter: str = "") -> str:
    """Return what a file, a folder or a series is known by; with options of its own, such as a channel, it is another.

    Parameters
    ----------
    asked : Input
    by_adapter : str
        What its content says, in place of its path.
    """
    known = asked.identity or by_adapter or real_path(asked.source)
    own = {name: value for name, value in asked.options.items() if name not in ("series", "case")}
    return f"{known} {json.dumps(own, sort_keys=True, default=repr)}" if own else known


def real_path(path: str | os.PathLike[str]) -> str:
    """Return a path as it is found whatever folder one is in and whatever links lead to it."""
    return os.path.realpath(path)


def short(identity: str) -> str:
    """Return the eight hex digits that tell studies of one stem apart."""
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def stem_of(path: Path) -> str:
    """Return a file's name without its suffix, as far as every file system takes it."""
    stem = path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name
    printable = "".join(letter if letter.isprintable() and letter not in '<>:"/\\|?*' else "_" for letter in stem)
    return printable.strip(". ")[:LONGEST_STEM].strip(". ") or "input"


def files_at(path: Path) -> tuple[Path, ...]:
    """Return the files that an input at a path consists of."""
    if path.is_dir():
        return tuple(sorted(one for one in path.rglob("*") if one.is_file()))
    if path.suffix.lower() in BESIDE:
        return tuple(sorted(one for one in path.parent.glob(f"{_literal(path.stem)}.*") if one.is_file()))
    return (path,)


def _literal(text: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)
