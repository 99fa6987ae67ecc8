"""How the numeric libraries' threads wait; to be settled before the first of these libraries is loaded."""

from __future__ import annotations

import os

# Encoding, rendering and geometry take turns and run side by side. Threads that have nothing to do are to sleep at
# once: by default they spin, and take the cores from whoever has work. NumPy's products of many small matrices gain
# nothing from threads. Whoever sets these variables keeps their own values.
QUIET = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}


def settle_threads() -> None:
    """Let idle threads sleep; without effect on libraries that are loaded already."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
