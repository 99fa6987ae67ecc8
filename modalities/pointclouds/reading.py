"""Files to `Cloud`: one reader for each format, all keeping the points' order."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.colours import as_bytes
from looktwice.modalities.pointclouds.gltf import read_gltf
from looktwice.modalities.pointclouds.obj import read_obj
from looktwice.modalities.pointclouds.ply import check_complete
from looktwice.modalities.pointclouds.recognise import CloudFormat, cloud_format
from looktwice.modalities.pointclouds.survey import read_e57, read_las


def read_cloud(path: Path) -> Cloud:
    """Read a point cloud or a mesh.

    Raises
    ------
    InputError
        If the file is missing, in no known format, truncated, or holds no points.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    found = cloud_format(path)
    if found is None:
        raise InputError(
            f"{path}: not a point cloud or mesh, or truncated; supported formats are PLY, PCD, XYZ, PTS, STL, OBJ, "
            "OFF, glTF or an organised XYZ TIFF"
        )
    try:
        cloud = _READERS[found](path)
    except InputError:
        raise
    except (OSError, ValueError, TypeError, RuntimeError, LookupError, struct.error) as error:
        raise InputError(f"{path}: damaged or truncated {found.value} file ({_first_line(error)})") from error
    if not len(cloud.points):
        raise InputError(f"{path}: the file contains no points or is truncated")
    return cloud


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _read_ply(path: Path) -> Cloud:
    faces = check_complete(path)
    if faces:
        mesh = _read_mesh(path)
        if mesh.faces is not None:
            return mesh
    return _read_points(path, "ply")


def _read_points(path: Path, file_format: str) -> Cloud:
    import open3d as o3d

    with _quiet():
        cloud = o3d.t.io.read_point_cloud(path, file_format, remove_nan_points=False)
    if "positions" not in cloud.point:
        raise InputError(f"{path}: damaged or truncated {file_format} file: no points could be read")
    colours = cloud.point.colors.numpy() if "colors" in cloud.point else None
    return Cloud(cloud.point.positions.numpy(), colours=as_bytes(colours))


def _read_mesh(path: Path) -> Cloud:
    import open3d as o3d

    with _quiet():
        mesh = o3d.io.read_triangle_mesh(path)
    points = np.asarray(mesh.vertices)
    faces = np.asarray(mesh.triangles)
    colours = np.asarray(mesh.vertex_colors) if mesh.has_vertex_colors() else None
    return Cloud(_narrow(points), faces if len(faces) else None, as_bytes(colours))


def _read_obj(path: Path) -> Cloud:
    points, faces, colours = read_obj(path)
    return Cloud(_narrow(points), faces, as_bytes(colours))


def _read_xyz(path: Path) -> Cloud:
    with path.open("rb") as file:
        head = file.read(4096).decode("latin-1")
    delimiter = next((sign for sign in (",", ";") if sign in head), None)
    if delimiter is None:
        return _read_points(path, "xyz")
    return Cloud(_narrow(np.loadtxt(path, delimiter=delimiter, usecols=(0, 1, 2), ndmin=2)))


def _read_pcd(path: Path) -> Cloud:
    with path.open("rb") as file:
        header = {}
        for line in file:
            key, _, value = line.decode("latin-1").strip().partition(" ")
            header[key] = value
            if key == "DATA":
                break
        if header.get("DATA") == "ascii" and sum(1 for line in file if line.strip()) < int(header["POINTS"]):
            raise InputError(
                f"{path}: truncated PCD file: it ends before the {header['POINTS']} points that its header announces"
            )
    return _read_points(path, "pcd")


def _read_pts(path: Path) -> Cloud:
    with path.open("rb") as file:
        promised = int(file.readline())
        if sum(1 for line in file if line.strip()) < promised:
            raise InputError(f"{path}: truncated PTS file: it ends before the {promised} points that it announces")
    return _read_points(path, "pts")


def _read_off(path: Path) -> Cloud:
    with path.open("rb") as file:
        words = b" ".join(line for line, _ in zip(file, range(20), strict=False) if not line.startswith(b"#")).split()
    points, faces = int(words[1]), int(words[2])
    cloud = _read_mesh(path)
    if len(cloud.points) < points or (0 if cloud.faces is None else len(cloud.faces)) < faces:
        raise InputError(
            f"{path}: damaged or truncated OFF file: its header announces {points} points and {faces} faces"
        )
    return cloud


def _read_organised_tiff(path: Path) -> Cloud:
    import tifffile

    points = tifffile.imread(path).reshape(-1, 3)
    return Cloud(points, missing=np.asarray(~points.any(axis=1)))


def _narrow(points: npt.NDArray[np.float64]) -> npt.NDArray[np.floating]:
    """Return float32 where that loses nothing that a float32 file could have held."""
    with np.errstate(over="ignore"):
        narrow = points.astype(np.float32)
    exact = np.array_equal(narrow.astype(np.float64), points, equal_nan=True)
    far = len(points) and np.nanmax(np.abs(points), initial=0) > 1e4
    return narrow if exact or not far else points


def _quiet() -> Any:
    """Keep Open3D's warnings off stdout, where the command line writes JSON; failures are told by what is returned."""
    import open3d as o3d

    return o3d.utility.VerbosityContextManager(o3d.utility.VerbosityLevel.Error)


_READERS = {
    CloudFormat.PLY: _read_ply,
    CloudFormat.PCD: _read_pcd,
    CloudFormat.PTS: _read_pts,
    CloudFormat.XYZ: _read_xyz,
    CloudFormat.STL: _read_mesh,
    CloudFormat.OBJ: _read_obj,
    CloudFormat.OFF: _read_off,
    CloudFormat.GLTF: read_gltf,
    CloudFormat.ORGANISED_TIFF: _read_organised_tiff,
    CloudFormat.LAS: read_las,
    CloudFormat.E57: read_e57,
}
