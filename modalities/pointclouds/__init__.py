"""Point clouds and meshes: read, shown as rendered views, and scored point by point in the file's own order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from looktwice.modalities.pointclouds.recognise import is_pointcloud

if TYPE_CHECKING:
    from looktwice.modalities.pointclouds.study import CloudStudy, open_pointcloud

__all__ = ["CloudStudy", "is_pointcloud", "open_pointcloud"]


def __getattr__(name: str) -> Any:
    # Every input is asked whether it is a cloud; only those that are may cost the seconds that Open3D takes to import.
    if name in ("CloudStudy", "open_pointcloud"):
        from looktwice.modalities.pointclouds import study

        return getattr(study, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
