"""Which values the options of volumes may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from looktwice.core.errors import UsageError
from looktwice.modalities.volumes.windows import level_and_width


def check_planes(planes: str) -> None:
    """Raise a ``UsageError`` where `planes` is not one of those that views are made of."""
    if planes not in ("axial", "all"):
        raise UsageError(f"unknown planes '{planes}'; use axial or all")


def check_options(options: Mapping[str, Any]) -> None:
    """Raise a ``UsageError`` for a value that no volume can be opened with."""
    check_planes(options.get("planes", "axial"))
    window = options.get("window", "auto")
    if window != "auto":
        level_and_width(window)
