"""Wavefront OBJ, vertices kept as the file has them.

Open3D's reader splits vertices at texture seams and reorders them; scores have to return to the file's own vertices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError

Read = tuple[npt.NDArray[np.float64], "npt.NDArray[np.int32] | None", "npt.NDArray[np.float64] | None"]


def read_obj(path: Path) -> Read:
    """Read vertices, triangles and vertex colours.

    Returns
    -------
    points : float64, shape (P, 3)
    faces : int32, shape (F, 3), or None
        Polygons are cut into fans.
    colours : float64, shape (P, 3) as they are written, or None
        From the common "v x y z r g b" extension.

    Raises
    ------
    InputError
        If a face names a vertex that does not exist.
    ValueError
        If a line is malformed.
    """
    vertices: list[list[bytes]] = []
    triangles: list[tuple[int, int, int]] = []
    with path.open("rb") as file:
        for words in _statements(file):
            if words[0] == b"v":
                vertices.append(words[1:])
            elif words[0] == b"f":
                corners = [_corner(word, len(vertices)) for word in words[1:]]
                triangles += [(corners[0], b, c) for b, c in pairwise(corners[1:])]
    if any(len(row) < 3 for row in vertices):
        raise ValueError("a vertex with fewer than three coordinates")
    points = np.array([row[:3] for row in vertices], dtype=np.float64).reshape(-1, 3)
    colours = None
    if vertices and all(len(row) >= 6 for row in vertices):
        colours = np.array([row[3:6] for row in vertices], dtype=np.float64)
    if not triangles:
        return points, None, colours
    faces = np.array(triangles, np.int32)
    if faces.min() < 0 or faces.max() >= len(points):
        raise InputError(f"{path}: a face refers to a vertex that does not exist: the file is damaged or truncated")
    return points, faces, colours


def _statements(file: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the words of each statement; a backslash at a line's end continues it on the next."""
    held: list[bytes] = []
    for line in file:
        words = held + line.split()
        held = []
        if words and words[-1].endswith(b"\\"):
            held = [*words[:-1], *words[-1][:-1].split()]
        elif words:
            yield words
    if held:
        yield held


def _corner(word: bytes, vertices_so_far: int) -> int:
    """Return the zero-based vertex of "v", "v/vt", "v/vt/vn" or "v//vn"; negative ones count from the latest."""
    number = int(word.split(b"/", 1)[0])
    return number - 1 if number > 0 else vertices_so_far + number
