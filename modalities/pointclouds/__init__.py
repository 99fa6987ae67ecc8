"""Point clouds and meshes: read, shown as rendered views, and scored point by point in the file's own order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lazy_loader

from looktwice.modalities.base import Adapter
from looktwice.modalities.pointclouds.recognise import is_pointcloud, takes_cloud

if TYPE_CHECKING:
    from looktwice.modalities.pointclouds.opening import open_pointcloud
    from looktwice.modalities.pointclouds.study import CloudStudy

__all__ = ["ADAPTER", "CloudStudy", "is_pointcloud", "open_pointcloud"]


def _open(source: Path | Any, **options: Any) -> CloudStudy:
    from looktwice.modalities.pointclouds.opening import open_pointcloud

    return open_pointcloud(source, **options)


def _check(options: Mapping[str, Any]) -> None:
    from looktwice.modalities.pointclouds.options import check_options

    check_options(options)


NAME = "pointcloud"

ADAPTER = Adapter(
    kind=NAME,
    noun="point cloud",
    matches=is_pointcloud,
    open=_open,
    options=("backend", "views", "unit", "remove_outliers", "remove_plane"),
    takes=takes_cloud,
    accepts="a cloud is an object of Open3D or trimesh, or an array or tensor of floats (P, 3) or (P, 6)",
    exports=("obj", "glb", "csv"),
    # Not .txt and .csv: most of them are something else.
    suffixes=(
        *(".ply", ".pcd", ".xyz", ".xyzn", ".xyzrgb", ".pts", ".asc", ".stl", ".obj", ".off", ".gltf", ".glb"),
        *(".las", ".laz", ".e57", ".step", ".stp", ".iges", ".igs", ".3mf", ".dae", ".fbx", ".3ds", ".vtk", ".vtp"),
    ),
    check=_check,
    # Before pictures: an organised XYZ TIFF is a cloud although its first bytes are a picture's.
    order=20,
)

# Every input is asked whether it is a cloud; only those that are may cost the seconds that Open3D takes to import.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"opening": ["open_pointcloud"], "study": ["CloudStudy"]}
)
