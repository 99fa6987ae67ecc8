"""PLY: whether a file is complete, and writing of scored clouds.

Written by hand rather than by Open3D, which fixes neither the properties' order nor their types, and whose reader
gives a truncated file's missing points as zeros without an error.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError

_BYTES = {
    "char": 1, "uchar": 1, "int8": 1, "uint8": 1, "short": 2, "ushort": 2, "int16": 2, "uint16": 2,
    "int": 4, "uint": 4, "int32": 4, "uint32": 4, "float": 4, "float32": 4, "double": 8, "float64": 8,
}  # fmt: skip
_LONGEST_HEADER = 65_536


def check_complete(path: Path) -> int:
    """Check that a PLY file is as long as its header says and return how many faces it has.

    Raises
    ------
    InputError
        If the header is malformed or the data ends early.
    """
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
        end = head.find(b"end_header")
        if end < 0:
            raise InputError(f"{path}: damaged PLY file: its header has no end")
        body = head.index(b"\n", end) + 1 if b"\n" in head[end:] else end + len(b"end_header")
        lines = [line.split() for line in head[:end].decode("latin-1").splitlines()]
        ascii_rows = sum(1 for _ in file) if ["format", "ascii", "1.0"] in lines else None
        size = os.fstat(file.fileno()).st_size
    counts, least = _elements(lines)
    if "vertex" not in counts:
        raise InputError(f"{path}: PLY file without vertices")
    if ascii_rows is not None:
        complete = ascii_rows + head[body:].count(b"\n") + 1 >= sum(counts.values())
    else:
        complete = size - body >= sum(counts[name] * least[name] for name in counts)
    if not complete:
        raise InputError(f"{path}: truncated PLY file: it ends before the points that its header announces")
    return counts.get("face", 0)


def _elements(lines: list[list[str]]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the count and the least size in bytes of every element of a header."""
    counts: dict[str, int] = {}
    least: dict[str, int] = {}
    for line in lines:
        if line[:1] == ["element"]:
            counts[line[1]], least[line[1]] = int(line[2]), 0
        elif line[:2] == ["property", "list"]:
            corners = 3 if line[4] in ("vertex_indices", "vertex_index") else 0
            least[next(reversed(least))] += _BYTES[line[2]] + corners * _BYTES[line[3]]
        elif line[:1] == ["property"]:
            least[next(reversed(least))] += _BYTES[line[1]]
    return counts, least


def write_scored_ply(
    path: Path,
    points: npt.NDArray[np.floating],
    scalars: dict[str, npt.NDArray[np.float32]],
    colours: npt.NDArray[np.uint8],
    faces: npt.NDArray[np.int32] | None = None,
    comments: tuple[str, ...] = (),
) -> None:
    """Write a binary PLY file, complete or not at all.

    Parameters
    ----------
    path : Path
    points : float32 or float64, shape (P, 3)
    scalars : dict of float32, shape (P,)
        Each becomes a float property under its key.
    colours : uint8, shape (P, 3)
    faces : int32, shape (F, 3), optional
    comments : tuple of str
        Header lines.
    """
    real = "<f8" if points.dtype == np.float64 else "<f4"
    row = np.dtype([(axis, real) for axis in "xyz"] + [(c, "u1") for c in _RGB] + [(name, "<f4") for name in scalars])
    vertices = np.empty(len(points), row)
    for column, axis in enumerate("xyz"):
        vertices[axis] = points[:, column]
        vertices[_RGB[column]] = colours[:, column]
    for name, values in scalars.items():
        vertices[name] = values
    header = ["ply", "format binary_little_endian 1.0", *(f"comment {text}" for text in comments)]
    header.append(f"element vertex {len(points)}")
    header += [f"property {_PLY_TYPE[row[name].str]} {name}" for name in row.names or ()]
    if faces is not None:
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as file:
        file.write("\n".join([*header, "end_header", ""]).encode("ascii", "replace"))
        vertices.tofile(file)
        if faces is not None:
            triangles = np.empty(len(faces), np.dtype([("count", "u1"), ("corners", "<i4", (3,))]))
            triangles["count"], triangles["corners"] = 3, faces
            triangles.tofile(file)
    temporary.replace(path)


_RGB = ("red", "green", "blue")
_PLY_TYPE = {"<f4": "float", "<f8": "double", "|u1": "uchar"}
