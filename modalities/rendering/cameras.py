"""Orthographic cameras around an object, with names that a person understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looktwice.modalities.rendering.frame import PrincipalFrame

FloatArray = npt.NDArray[np.float32]

# Share of the picture left free on each side of the object.
MARGIN = 0.04
# A view along a thin object's long side may be magnified at most this much more than the widest view.
MAX_ZOOM = 2.0

# Towards the viewer, in the frame's (right, up, front); the first `n` are the views taken when `n` are asked for.
_DIRECTIONS: tuple[tuple[int, int, int], ...] = (
    (0, 0, 1), (0, 0, -1), (0, 1, 0), (0, -1, 0), (-1, 0, 0), (1, 0, 0),
    (1, 1, 1), (-1, 1, -1), (-1, -1, 1), (1, -1, -1), (-1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, -1, -1),
    (1, 0, 1), (-1, 0, 1), (1, 0, -1), (-1, 0, -1), (0, 1, 1), (0, -1, 1), (0, 1, -1), (0, -1, -1),
    (1, 1, 0), (-1, 1, 0), (1, -1, 0), (-1, -1, 0),
)  # fmt: skip
MAX_VIEWS = len(_DIRECTIONS)


@dataclass(frozen=True)
class Camera:
    """An orthographic camera that maps points straight to pixels.

    ``matrix @ points.T + offset`` gives (column, row, depth), all three in pixels; whole numbers are the centres of
    pixels, (0, 0) is the upper left one, depth grows away from the viewer and is at least 1 on the object.

    Attributes
    ----------
    name : str
        Such as "from the upper left".
    toward : float32, shape (3,)
        Unit vector from the object to the viewer, in the coordinates of the points.
    matrix : float32, shape (3, 3)
    offset : float32, shape (3, 1)
    size : int
        Side of the square picture in pixels.
    scale : float
        Pixels per unit of length.
    """

    name: str
    toward: FloatArray
    matrix: FloatArray
    offset: FloatArray
    size: int
    scale: float

    def project(self, points: FloatArray) -> FloatArray:
        """Return column, row and depth in pixels, shape (3, P), of `points`, shape (P, 3)."""
        # Rows of their own, not columns: three times as fast to reduce, round and compare.
        pixels: FloatArray = self.matrix @ points.T
        pixels += self.offset
        return pixels


def direction_name(direction: Sequence[int]) -> str:
    """Return words for a direction in (right, up, front): ``(-1, 1, 0)`` is "from the upper left"."""
    right, up, front = direction
    if not right and not front:
        return "from the top" if up > 0 else "from the bottom"
    words = [
        {1: "upper", -1: "lower", 0: ""}[up],
        {1: "front", -1: "back", 0: ""}[front],
        {1: "right", -1: "left", 0: ""}[right],
    ]
    return "from the " + " ".join(word for word in words if word)


def place_cameras(points: FloatArray, frame: PrincipalFrame, views: int, size: int) -> list[Camera]:
    """Return `views` cameras that look at the object along directions fixed to its frame, each framed tightly.

    Parameters
    ----------
    points : float32, shape (P, 3)
        Finite surface points.
    frame : PrincipalFrame
    views : int
        1 to `MAX_VIEWS`.
    size : int
        Side of the pictures in pixels.
    """
    directions = _DIRECTIONS[:views]
    turns = [_rotation(frame, direction) for direction in directions]
    bounds = [_bounds(points, turn) for turn in turns]
    extents = [float((high - low)[:2].max()) for low, high in bounds]
    widest = max(extents) or 1.0
    return [
        _fit(direction_name(direction), turn, low, high, max(extent, widest / MAX_ZOOM), size)
        for direction, turn, (low, high), extent in zip(directions, turns, bounds, extents, strict=True)
    ]


def _rotation(frame: PrincipalFrame, direction: Sequence[int]) -> FloatArray:
    """Return the rows right, down and away of a viewer in `direction`, in the coordinates of the points."""
    toward = np.array(direction, np.float64)
    toward /= np.linalg.norm(toward)
    up = np.array((0.0, 1.0, 0.0))
    if abs(toward @ up) > 0.99:
        up = np.array((0.0, 0.0, -toward[1]))
    right = np.cross(up, toward)
    right /= np.linalg.norm(right)
    rows = np.stack([right, -np.cross(toward, right), -toward])
    return (rows @ frame.axes).astype(np.float32)


def _bounds(points: FloatArray, turn: FloatArray) -> tuple[FloatArray, FloatArray]:
    turned = turn @ points.T
    return turned.min(axis=1), turned.max(axis=1)


def _fit(name: str, turn: FloatArray, low: FloatArray, high: FloatArray, extent: float, size: int) -> Camera:
    scale = size * (1 - 2 * MARGIN) / extent
    offset = (size - 1) / 2 - scale * (low + high) / 2
    offset[2] = 1 - scale * low[2]
    return Camera(name, -turn[2], (turn * scale).astype(np.float32), offset.astype(np.float32)[:, None], size, scale)
