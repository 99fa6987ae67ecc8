"""STL, ASCII and binary. Corners at one place are one vertex, in the order in which they are first named.

Written by hand: Open3D's reader (through Assimp) rounds to float32 and refuses capitals and trailing bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.rows import number_rows

_START, _FACET = 84, 50


def read_stl(path: Path) -> Cloud:
    """Read a mesh.

    Raises
    ------
    InputError
        It ends before its last triangle.
    """
    data = path.read_bytes()
    notes: tuple[str, ...] = ()
    if is_ascii_stl(data[:4096]):
        corners: npt.NDArray[np.floating] = _ascii_corners(path, data.decode("latin-1"))
    else:
        corners, left = _binary_corners(path, data)
        notes = (f"{left} bytes after the triangles that the header announces are not read",) if left else ()
    points, faces = _join(corners)
    return Cloud(points, faces, notes=notes)


def is_ascii_stl(head: bytes) -> bool:
    """Tell an ASCII file from a binary one, whose name may also begin with "solid"."""
    words = head.lower().split(None, 200)
    return words[:1] == [b"solid"] and b"\0" not in head and (b"facet" in words or b"endsolid" in words)


def _ascii_corners(path: Path, text: str) -> npt.NDArray[np.float64]:
    lines = [line.strip().lower() for line in text.splitlines()]
    corners = number_rows([line for line in lines if line.startswith("vertex")], (1, 2, 3))
    facets = sum(line.startswith("facet") for line in lines)
    if len(corners) != 3 * facets or not any(line.startswith("endsolid") for line in lines[-50:]):
        raise InputError(
            f"{path}: damaged or truncated STL file: {len(corners)} corners of {facets} triangles, or no end"
        )
    return corners


def _binary_corners(path: Path, data: bytes) -> tuple[npt.NDArray[np.float32], int]:
    if len(data) < _START:
        raise InputError(f"{path}: truncated STL file")
    count = struct.unpack_from("<I", data, 80)[0]
    if len(data) < _START + _FACET * count:
        raise InputError(f"{path}: truncated STL file: it ends before the {count} triangles that its header announces")
    row = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    facets = np.frombuffer(data, row, count, _START)
    return facets["corners"].reshape(-1, 3).copy(), len(data) - _START - _FACET * count


def _join(corners: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.int32] | None]:
    """Return each place once, in the order of first naming, and the triangles."""
    if not len(corners):
        return corners, None
    # + 0 makes -0.0 and 0.0 one place.
    rows = np.ascontiguousarray(corners + corners.dtype.type(0))
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * 3))).ravel()
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    return corners[first[order]], number[place].reshape(-1, 3)
