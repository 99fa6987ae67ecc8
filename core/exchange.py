"""Folders that trade places in one step, and a lock that a killed process does not keep."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_HERE = -100
_EXCHANGE = 2

try:
    import fcntl
except ImportError:  # Windows has other locks
    fcntl = None  # type: ignore[assignment]


def exchange(first: Path, second: Path) -> bool:
    """Let two paths on one file system trade places; False where the system cannot do it in one step.

    Neither path is missing at any moment, so that a process killed meanwhile loses nothing.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    rename = getattr(library, "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) == 0)


def lock_folder(path: Path) -> tuple[int, bool]:
    """Hold a folder until the descriptor that is returned is closed, or the process ends.

    Returns
    -------
    (int, bool)
        The descriptor, and whether no other process holds the folder.
    """
    descriptor = os.open(path, os.O_RDONLY)
    if fcntl is None:
        return descriptor, False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
    try:
        # Others may come, and see that someone is here.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError:  # a file system without locks
        alone = False
    return descriptor, alone
