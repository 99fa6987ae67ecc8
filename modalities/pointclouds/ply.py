"""Writing of scored clouds as PLY.

Written by hand rather than by Open3D, which fixes neither the properties' order nor their types.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt


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
