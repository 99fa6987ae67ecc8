"""Open a point cloud or a mesh of any supported format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from looktwice.modalities.isolation import read_apart
from looktwice.modalities.memory import is_array
from looktwice.modalities.pointclouds.cleaning import find_outliers, find_support_plane
from looktwice.modalities.pointclouds.memory import cloud_in_memory
from looktwice.modalities.pointclouds.options import check_options
from looktwice.modalities.pointclouds.reading import read_cloud
from looktwice.modalities.pointclouds.study import CloudStudy


def open_pointcloud(
    source: Path | Any,
    *,
    backend: str = "numpy",
    views: int | None = 9,
    unit: str | None = None,
    remove_outliers: bool = False,
    remove_plane: bool = False,
) -> CloudStudy:
    """Open a point cloud or a mesh.

    Parameters
    ----------
    source : Path, array, tensor, or a point cloud or triangle mesh of Open3D or trimesh
        PLY, PCD, XYZ, PTS, STL, OBJ, OFF, glTF/GLB, an organised XYZ TIFF as in MVTec 3D-AD, or, with the extra
        ``looktwice[scan]``, LAS/LAZ and E57. Objects in memory are described at
        `looktwice.modalities.pointclouds.memory.cloud_in_memory`.
    backend : {"numpy", "open3d", "pytorch3d"}
        What projects the points; the pictures are the same.
    views : int or None
        1 to 26; None for as many as it takes to see every visible part twice.
    unit : {"mm", "m", "inch"}, optional
        Of the coordinates, where the file does not say.
    remove_outliers, remove_plane : bool
        Leave stray points, or the plane that the object stands on, out of the views. They stay in the output, with
        score 0.

    Raises
    ------
    InputError
        If the file cannot be read, or has fewer than four distinct measured points.
    UsageError
        If `backend`, `views` or `unit` is not one of those above.
    """
    check_options({"backend": backend, "views": views, "unit": unit})
    if isinstance(source, (str, Path)):
        name = Path(source)
        cloud = read_apart(read_cloud, name)
    else:
        cloud, name = cloud_in_memory(source), Path("array" if is_array(source) else "cloud")
    study = CloudStudy(cloud, name, backend=backend, views=views, unit=unit)
    if remove_outliers:
        study.leave_out("stray points", find_outliers)
    if remove_plane:
        study.leave_out("points of the supporting plane", find_support_plane)
    return study
