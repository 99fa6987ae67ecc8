"""Point clouds and meshes: read, shown as rendered views, and scored point by point in the file's own order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from looktwice.modalities.pointclouds.recognise import is_pointcloud

if TYPE_CHECKING:
    from looktwice.modalities.pointclouds.opening import open_pointcloud
    from looktwice.modalities.pointclouds.study import CloudStudy

__all__ = ["CloudStudy", "is_pointcloud", "open_pointcloud"]


def __getattr__(name: str) -> Any:
    # Every input is asked whether it is a cloud; only those that are may cost the seconds that Open3D takes to import.
    if name == "open_pointcloud":
        from looktwice.modalities.pointclouds.opening import open_pointcloud

        return open_pointcloud
    if name == "CloudStudy":
        from looktwice.modalities.pointclouds.study import CloudStudy

        return CloudStudy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
