"""looktwice: finds anomalies in photographs, volumes and point clouds, looks again, and says what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from looktwice.core.threads import settle_threads
from looktwice.core.version import __version__

if TYPE_CHECKING:
    from looktwice.core.result import Failure, Result
    from looktwice.modalities import open
    from looktwice.pipeline import Inspector, inspect, inspect_many

__all__ = ["Failure", "Inspector", "Result", "__version__", "inspect", "inspect_many", "open"]

settle_threads()

# The heavy parts are imported when they are asked for: ``looktwice --help`` must not load torch.
__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "core.result": ["Failure", "Result"],
        "modalities": ["open"],
        "pipeline": ["Inspector", "inspect", "inspect_many"],
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
