"""Which values the options of point clouds may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from looktwice.core.errors import UsageError
from looktwice.modalities.rendering.backends import BACKENDS
from looktwice.modalities.rendering.coverage import MAX_VIEWS

UNITS = ("mm", "m", "inch")


def check_options(options: Mapping[str, Any]) -> None:
    """Raise a ``UsageError`` for a value that no cloud can be opened with."""
    backend, views, unit = options.get("backend", "numpy"), options.get("views"), options.get("unit")
    if backend not in BACKENDS:
        raise UsageError(f"unknown rendering back end {backend!r}; choose from {', '.join(BACKENDS)}")
    if views is not None and not 1 <= views <= MAX_VIEWS:
        raise UsageError(f"cannot render {views} views; choose 1 to {MAX_VIEWS}")
    if unit is not None and unit not in UNITS:
        raise UsageError(f"unknown unit {unit!r}: choose one of {', '.join(UNITS)}")
