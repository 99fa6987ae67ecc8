"""Errors of libraries in one line that a user can read."""

from __future__ import annotations

from pathlib import Path


def one_line(error: BaseException) -> str:
    """Return an error's message on one line, or its kind where it says nothing; never the user's home folder."""
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    message = " ".join(str(error).split()).replace(str(Path.home()), "~")
    name = type(error).__name__
    # A KeyError's message is the key alone.
    return f"{name}: {message}" if message and isinstance(error, LookupError) else message or name
