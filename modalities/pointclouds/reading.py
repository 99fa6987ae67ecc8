"""Files to `Cloud`: one reader for each format, all keeping the points' order."""

from __future__ import annotations

from pathlib import Path

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.colours import as_bytes
from looktwice.modalities.pointclouds.gltf import read_gltf
from looktwice.modalities.pointclouds.obj import read_obj
from looktwice.modalities.pointclouds.off import read_off
from looktwice.modalities.pointclouds.organised import read_organised_tiff
from looktwice.modalities.pointclouds.pcd import read_pcd
from looktwice.modalities.pointclouds.placeholders import without_placeholders
from looktwice.modalities.pointclouds.ply_reading import read_ply
from looktwice.modalities.pointclouds.recognise import CloudFormat, cloud_format
from looktwice.modalities.pointclouds.stl import read_stl
from looktwice.modalities.pointclouds.survey import read_e57, read_las
from looktwice.modalities.pointclouds.table import read_table


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
    except Exception as error:
        # Whatever a damaged file makes a parser or a library raise costs this input one line.
        raise InputError(f"{path}: damaged or truncated {found.value} file ({_first_line(error)})") from error
    if not len(cloud.points):
        raise InputError(f"{path}: the file contains no points or is truncated")
    faces = cloud.faces
    if faces is not None and (faces.min() < 0 or faces.max() >= len(cloud.points)):
        raise InputError(
            f"{path}: a face refers to a vertex that does not exist: the {found.value} file is damaged or truncated"
        )
    return without_placeholders(cloud)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _read_obj(path: Path) -> Cloud:
    points, faces, colours = read_obj(path)
    return Cloud(points, faces, as_bytes(colours))


_READERS = {
    CloudFormat.PLY: read_ply,
    CloudFormat.PCD: read_pcd,
    CloudFormat.PTS: read_table,
    CloudFormat.XYZ: read_table,
    CloudFormat.STL: read_stl,
    CloudFormat.OBJ: _read_obj,
    CloudFormat.OFF: read_off,
    CloudFormat.GLTF: read_gltf,
    CloudFormat.ORGANISED_TIFF: read_organised_tiff,
    CloudFormat.LAS: read_las,
    CloudFormat.E57: read_e57,
}
