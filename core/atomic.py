"""Atomic writes: a file is either complete or absent."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, and rename it to `path` if the block succeeds.

    The temporary name keeps the suffixes of `path`, because writers such as nibabel's choose the format by them. If the
    block raises, the temporary file is removed and an existing file at `path` is left unchanged.

    Parameters
    ----------
    path : Path
        The file to write; its folder must exist.

    Yields
    ------
    Path
        In the same folder, hence on the same file system, which makes the rename atomic.
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(content: Any, path: Path, default: Callable[[Any], Any] | None = None) -> None:
    """Write a JSON file for people and programs: indented, in UTF-8; its folder must exist.

    Parameters
    ----------
    content : JSON-serialisable
    path : Path
    default : callable, optional
        What to write for an object that JSON does not know, as in `json.dumps`; by default it is an error.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(content, indent=2, ensure_ascii=False, default=default) + "\n", encoding="utf-8"
        )
