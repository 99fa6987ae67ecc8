"""Orthographic cameras around an object, with names that a person understands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looktwice.modalities.rendering.chunks import bounds, thinned
from looktwice.modalities.rendering.coverage import choose_directions, direction_name, viewer_axes
from looktwice.modalities.rendering.frame import PrincipalFrame

FloatArray = npt.NDArray[np.float32]

# Share of the picture left free on each side of the object.
MARGIN = 0.04
# A view along a thin object's long side may be magnified at most this much more than the widest view.
MAX_ZOOM = 2.0
# This many points have the outline of all to within a fraction of the margin.
_OUTLINE = 50_000


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

    Examples
    --------
    >>> turn = np.diag(np.float32((10, -10, -10)))  # from the front: x to the right, y up, 10 pixels a unit
    >>> camera = Camera("from the front", np.float32((0, 0, 1)), turn, np.float32([[50], [50], [11]]), 101, 10.0)
    >>> camera.project(np.float32([[0, 0, 0], [2, 1, 0]])).T
    array([[50., 50., 11.],
           [70., 40., 11.]], dtype=float32)
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


def place_cameras(points: FloatArray, frame: PrincipalFrame, views: int | None, size: int) -> list[Camera]:
    """Return cameras that look at the object along directions fixed to its frame, each framed tightly.

    Parameters
    ----------
    points : float32, shape (P, 3)
        Finite surface points.
    frame : PrincipalFrame
    views : int or None
        How many (`coverage.choose_directions`).
    size : int
        Side of the pictures in pixels.
    """
    directions = choose_directions(frame, views)
    turns = [(viewer_axes(direction) @ frame.axes).astype(np.float32) for direction in directions]
    outline = thinned(points, _OUTLINE)
    boxes = [bounds(outline, turn) for turn in turns]
    extents = [float((high - low)[:2].max()) for low, high in boxes]
    widest = max(extents) or 1.0
    return [
        _fit(direction_name(direction), turn, low, high, max(extent, widest / MAX_ZOOM), size)
        for direction, turn, (low, high), extent in zip(directions, turns, boxes, extents, strict=True)
    ]


def _fit(name: str, turn: FloatArray, low: FloatArray, high: FloatArray, extent: float, size: int) -> Camera:
    scale = size * (1 - 2 * MARGIN) / extent
    offset = (size - 1) / 2 - scale * (low + high) / 2
    offset[2] = 1 - scale * low[2]
    return Camera(name, -turn[2], (turn * scale).astype(np.float32), offset.astype(np.float32)[:, None], size, scale)
