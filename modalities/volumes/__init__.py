"""CT and MRI volumes: reading, orientation, intensity windows, slices, and the way back to voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from looktwice.modalities.volumes.sniffing import is_volume

if TYPE_CHECKING:
    from looktwice.modalities.volumes.opening import open_case, open_volume

__all__ = ["is_volume", "open_case", "open_volume"]


def __getattr__(name: str) -> Any:
    # Every input is asked whether it is a volume; only those that are may cost what the readers take to import.
    if name in ("open_case", "open_volume"):
        from looktwice.modalities.volumes import opening

        return getattr(opening, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
