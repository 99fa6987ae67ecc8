"""Clouds and meshes in memory: arrays and tensors of points, and the objects of Open3D and trimesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.memory import as_array, comes_from, describe, is_array
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.colours import as_bytes
from looktwice.modalities.pointclouds.placeholders import without_placeholders


def cloud_in_memory(data: Any) -> Cloud:
    """Return an object in memory as a cloud or a mesh, in its own order and precision.

    Parameters
    ----------
    data : array, tensor, or a point cloud or triangle mesh of Open3D or trimesh
        Arrays and tensors are floating, of shape (P, 3), or (P, 6) with red, green and blue in [0, 1] behind x, y, z.
        Points that are not finite count as not measured.

    Raises
    ------
    InputError
        It is none of these, or holds no points.
    """
    cloud = _cloud(data)
    if not len(cloud.points):
        raise InputError(f"{describe(data)}: it contains no points")
    return without_placeholders(cloud)


def _cloud(data: Any) -> Cloud:
    if is_array(data):
        return _from_array(as_array(data), describe(data))
    if comes_from(data, "open3d") and type(data).__name__ in ("PointCloud", "TriangleMesh"):
        in_tensors = hasattr(data, "point") or hasattr(data, "vertex")
        return _from_open3d_tensors(data) if in_tensors else _from_open3d(data)
    if comes_from(data, "trimesh") and hasattr(data, "vertices"):
        return _from_trimesh(data)
    raise InputError(f"{describe(data)}: this is no point cloud or triangle mesh")


def _from_array(values: npt.NDArray[Any], what: str) -> Cloud:
    if values.ndim != 2 or values.shape[1] not in (3, 6) or values.dtype.kind != "f":
        raise InputError(f"{what}: a cloud holds floats in the shape (P, 3), or (P, 6) with colours in [0, 1]")
    points, colours = values[:, :3], values[:, 3:]
    if values.dtype not in (np.float32, np.float64):
        points = points.astype(np.float32)
    if not colours.size:
        return Cloud(np.ascontiguousarray(points))
    if np.nanmin(colours) < 0 or np.nanmax(colours) > 1:
        raise InputError(f"{what}: columns 4 to 6 are colours in [0, 1]; leave out anything else, such as normals")
    return Cloud(np.ascontiguousarray(points), colours=as_bytes(colours))


def _from_open3d(data: Any) -> Cloud:
    if hasattr(data, "triangles"):
        colours = np.asarray(data.vertex_colors) if data.has_vertex_colors() else None
        return _cloud_of(data.vertices, data.triangles, colours)
    return _cloud_of(data.points, None, np.asarray(data.colors) if data.has_colors() else None)


def _from_open3d_tensors(data: Any) -> Cloud:
    held = data.vertex if hasattr(data, "vertex") else data.point
    if "positions" not in held:
        return Cloud(np.zeros((0, 3), np.float32))
    is_mesh = hasattr(data, "triangle") and "indices" in data.triangle
    triangles = data.triangle.indices.cpu().numpy() if is_mesh else None
    colours = held.colors.cpu().numpy() if "colors" in held else None
    return _cloud_of(held.positions.cpu().numpy(), triangles, colours)


def _from_trimesh(data: Any) -> Cloud:
    visual: Any = getattr(data, "visual", None)
    colours = visual.vertex_colors if getattr(visual, "kind", None) == "vertex" else getattr(data, "colors", None)
    return _cloud_of(data.vertices, getattr(data, "faces", None), None if colours is None else np.asarray(colours))


def _cloud_of(points: Any, faces: Any, colours: npt.NDArray[Any] | None) -> Cloud:
    places = np.array(points).reshape(-1, 3)
    places = places if places.dtype in (np.float32, np.float64) else places.astype(np.float64)
    corners = None if faces is None else np.array(faces, np.int32).reshape(-1, 3)
    if colours is not None:
        colours = colours.reshape(len(places), -1)[:, :3] if len(colours) == len(places) else None
    return Cloud(places, corners if corners is not None and len(corners) else None, as_bytes(colours))
