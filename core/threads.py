"""How the threads of numeric libraries wait; must be set before the first of these libraries is imported."""

from __future__ import annotations

import os

# Encoding, rendering and geometry run in turn and in parallel. Idle threads should sleep at once; by default they spin
# and take the cores from threads that have work. NumPy's products of many small matrices gain nothing from threads.
# Variables that are already set keep their values.
QUIET = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}


def settle_threads() -> None:
    """Let idle threads sleep; has no effect on libraries that are already loaded."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
