"""Tell from its first bytes whether a file is a point cloud or a mesh, and in which format."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from looktwice.modalities.memory import comes_from, is_array, is_floating
from looktwice.modalities.pointclouds.off import HEADER as OFF_HEADER
from looktwice.modalities.pointclouds.organised import is_organised_tiff
from looktwice.modalities.pointclouds.stl import is_ascii_stl
from looktwice.modalities.pointclouds.table import SUFFIXES, decode, table_form

_HEAD = 8192
_LONG_HEAD = 1 << 20
"""Where comments or normals fill the first bytes of a text, the vertices may begin later."""


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
            return (
                _binary_format(path, head)
                or _text_format(path, head)
                or _text_format(path, head, file.read(_LONG_HEAD))
            )
    except OSError:
        return None


def _binary_format(path: Path, head: bytes) -> CloudFormat | None:
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return CloudFormat.ORGANISED_TIFF if is_organised_tiff(path) else None
    if head.startswith((b"ply\n", b"ply\r")):
        return CloudFormat.PLY
    for magic, found in ((b"glTF", CloudFormat.GLTF), (b"LASF", CloudFormat.LAS), (b"ASTM-E57", CloudFormat.E57)):
        if head.startswith(magic):
            return found
    if len(head) < 84 or is_ascii_stl(head):
        return None
    size = path.stat().st_size
    # Without its name, a file is known only by its length.
    announced = 84 + 50 * struct.unpack_from("<I", head, 80)[0]
    named = path.suffix.lower() == ".stl" and head.lstrip()[:5].lower() != b"facet"
    return CloudFormat.STL if size == announced or named else None


def _text_format(path: Path, head: bytes, more: bytes | None = None) -> CloudFormat | None:
    if more == b"" or (b"\0" in head[:512] and b"DATA binary" not in head and decode(head) is None):
        return None
    text = decode(head + (more or b"")) or head.decode("latin-1")
    lines = [line.strip() for line in text.splitlines()]
    if len(head) == _HEAD and len(lines) > 1 and (more is None or len(more) == _LONG_HEAD):
        lines = lines[:-1]  # cut off in the middle
    rows = [line for line in lines if line and not line.startswith("#")]
    if text.startswith("# .PCD"):
        return CloudFormat.PCD
    if not rows:
        return None
    if rows[0].split()[0] == "VERSION" and any(line.startswith("FIELDS") for line in rows[:4]):
        return CloudFormat.PCD
    if OFF_HEADER.match(rows[0]) and (path.suffix.lower() == ".off" or OFF_HEADER.fullmatch(rows[0].split()[0])):
        return CloudFormat.OFF
    if is_ascii_stl(head):
        return CloudFormat.STL
    if text.lstrip().startswith("{"):
        return CloudFormat.GLTF if _is_gltf(path, text) else None
    if any(_is_obj_vertex(line) for line in rows):
        return CloudFormat.OBJ
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES or table_form(lines, suffix) is None:
        return None
    return CloudFormat.PTS if suffix == ".pts" else CloudFormat.XYZ


def _is_gltf(path: Path, text: str) -> bool:
    if '"asset"' not in text and path.suffix.lower() != ".gltf":
        return False
    try:
        with path.open("rb") as file:
            return "version" in json.load(file)["asset"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _is_obj_vertex(line: str) -> bool:
    words = line.split()
    return words[0] == "v" and len(words) >= 4 and _are_numbers(words[1:4])


def _are_numbers(words: list[str]) -> bool:
    try:
        for word in words:
            float(word)
    except ValueError:
        return False
    return True


def takes_cloud(data: Any, options: Mapping[str, Any]) -> bool:
    """Tell whether an object in memory is a cloud or a mesh: Open3D's, trimesh's, or floats in rows of 3 or 6."""
    if comes_from(data, "open3d") or comes_from(data, "trimesh"):
        return True
    return is_array(data) and data.ndim == 2 and data.shape[1] in (3, 6) and is_floating(data)
