"""looktwice: finds anomalies in photographs, volumes and point clouds, looks again, and says what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from looktwice.core.threads import settle_threads
from looktwice.core.version import __version__

if TYPE_CHECKING:
    from looktwice.core.result import Result
    from looktwice.pipeline import inspect

__all__ = ["Result", "__version__", "inspect"]

settle_threads()


def __getattr__(name: str) -> Any:
    """Import the heavy parts only when they are asked for: ``looktwice --help`` must not load torch."""
    if name == "inspect":
        from looktwice.pipeline import inspect

        return inspect
    if name == "Result":
        from looktwice.core.result import Result

        return Result
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
