"""looktwice: finds anomalies in photographs, volumes and point clouds, looks again, and says what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from looktwice.core.threads import settle_threads
from looktwice.core.version import __version__

if TYPE_CHECKING:
    from looktwice.core.result import Failure, Result
    from looktwice.modalities import open
    from looktwice.pipeline import Inspector, inspect, inspect_many

__all__ = ["Failure", "Inspector", "Result", "__version__", "inspect", "inspect_many", "open"]

_FROM = {
    "Failure": "core.result",
    "Inspector": "pipeline",
    "Result": "core.result",
    "inspect": "pipeline",
    "inspect_many": "pipeline",
    "open": "modalities",
}

settle_threads()


def __getattr__(name: str) -> Any:
    """Import the heavy parts only when they are asked for: ``looktwice --help`` must not load torch."""
    if name in _FROM:
        from importlib import import_module

        return getattr(import_module(f"looktwice.{_FROM[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
