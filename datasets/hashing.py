"""Telling files by their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from looktwice.core.errors import InputError


def content_hash(path: Path) -> str:
    """Return the first 16 hexadecimal digits of a file's SHA-256."""
    try:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()[:16]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
