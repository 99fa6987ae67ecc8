"""Tell from its first bytes whether a file is a point cloud or a mesh, and in which format."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from looktwice.modalities.memory import comes_from, is_array, is_floating

_HEAD = 8192
_TEXT_SUFFIXES = {".xyz", ".txt", ".asc", ".csv", ".xyzn", ".xyzrgb", ".pts"}


class CloudFormat(str, Enum):
    """The formats that are read."""

    PLY = "ply"
    PCD = "pcd"
    PTS = "pts"
    XYZ = "xyz"
    STL = "stl"
    OBJ = "obj"
    OFF = "off"
    GLTF = "gltf"
    ORGANISED_TIFF = "tiff"
    LAS = "las"
    E57 = "e57"


def is_pointcloud(path: Path) -> bool:
    """Tell whether `path` is a file that `open_pointcloud` reads, judging by its content.

    Photographs, ordinary TIFF pictures, volumes and folders are not.
    """
    return cloud_format(path) is not None


def cloud_format(path: Path) -> CloudFormat | None:
    """Return the format of the cloud or mesh in `path`, None if it is something else or cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return None
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return CloudFormat.ORGANISED_TIFF if _is_organised_tiff(path) else None
    if head.startswith((b"ply\n", b"ply\r")):
        return CloudFormat.PLY
    for magic, found in ((b"glTF", CloudFormat.GLTF), (b"LASF", CloudFormat.LAS), (b"ASTM-E57", CloudFormat.E57)):
        if head.startswith(magic):
            return found
    if len(head) >= 84 and size == 84 + 50 * struct.unpack_from("<I", head, 80)[0]:
        return CloudFormat.STL
    return None if b"\0" in head[:512] and b"DATA binary" not in head else _text_format(path, head)


def _text_format(path: Path, head: bytes) -> CloudFormat | None:
    text = head.decode("latin-1")
    lines = [line.strip() for line in text.splitlines()]
    if len(head) == _HEAD:
        lines = lines[:-1]  # cut off in the middle
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        return CloudFormat.PCD if text.startswith("# .PCD") else None
    first = lines[0].split()
    if text.startswith("# .PCD") or (first[0] == "VERSION" and any(line.startswith("FIELDS") for line in lines[:4])):
        return CloudFormat.PCD
    if first[0] in ("OFF", "COFF", "NOFF", "CNOFF", "STOFF"):
        return CloudFormat.OFF
    if first[0] == "solid" and any(line.startswith("facet") for line in lines[1:4]):
        return CloudFormat.STL
    if text.lstrip().startswith("{"):
        return CloudFormat.GLTF if _is_gltf(path, text) else None
    if any(_is_obj_vertex(line) for line in lines):
        return CloudFormat.OBJ
    return _number_table(path, lines)


def _is_gltf(path: Path, text: str) -> bool:
    if '"asset"' not in text and path.suffix.lower() != ".gltf":
        return False
    try:
        with path.open("rb") as file:
            return "version" in json.load(file)["asset"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_obj_vertex(line: str) -> bool:
    words = line.split()
    return words[0] == "v" and len(words) >= 4 and _are_numbers(words[1:4])


def _number_table(path: Path, lines: list[str]) -> CloudFormat | None:
    """Recognise rows of at least three numbers; only under a name that such tables have, as CSV may be anything."""
    if path.suffix.lower() not in _TEXT_SUFFIXES:
        return None
    rows = [line.replace(",", " ").replace(";", " ").split() for line in lines[:20]]
    if len(rows[0]) == 1 and rows[0][0].isdigit():
        rows = rows[1:]
        if all(len(row) >= 3 and _are_numbers(row) for row in rows):
            return CloudFormat.PTS
        return None
    return CloudFormat.XYZ if all(len(row) >= 3 and _are_numbers(row) for row in rows) else None


def _are_numbers(words: list[str]) -> bool:
    try:
        for word in words:
            float(word)
    except ValueError:
        return False
    return True


def _is_organised_tiff(path: Path) -> bool:
    """Tell whether a TIFF holds x, y, z in three floating-point channels, as MVTec 3D-AD's scans do."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            return bool(page.dtype is not None and page.dtype.kind == "f" and page.shape[2:] == (3,))
    except (tifffile.TiffFileError, OSError, IndexError, ValueError, KeyError):
        return False


def takes_cloud(data: Any, options: Mapping[str, Any]) -> bool:
    """Tell whether an object in memory is a cloud or a mesh: Open3D's, trimesh's, or floats in rows of 3 or 6."""
    if comes_from(data, "open3d") or comes_from(data, "trimesh"):
        return True
    return is_array(data) and data.ndim == 2 and data.shape[1] in (3, 6) and is_floating(data)
