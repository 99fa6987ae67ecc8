"""Which directions to look from, so that every visible part of an object is seen at least twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from looktwice.modalities.rendering.frame import PrincipalFrame

Direction = tuple[int, int, int]
FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

# Towards the viewer, in the frame's (right, up, front): a cube's faces, then its corners, then its edges.
FACES: tuple[Direction, ...] = ((0, 0, 1), (0, 0, -1), (0, 1, 0), (0, -1, 0), (-1, 0, 0), (1, 0, 0))
CORNERS: tuple[Direction, ...] = (
    (1, 1, 1), (-1, 1, -1), (-1, -1, 1), (1, -1, -1), (-1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, -1, -1),
)  # fmt: skip
EDGES: tuple[Direction, ...] = (
    (1, 0, 1), (-1, 0, 1), (1, 0, -1), (-1, 0, -1), (0, 1, 1), (0, -1, 1), (0, 1, -1), (0, -1, -1),
    (1, 1, 0), (-1, 1, 0), (1, -1, 0), (-1, -1, 0),
)  # fmt: skip
DIRECTIONS = FACES + CORNERS + EDGES
MAX_VIEWS = len(DIRECTIONS)

# How often every visible part is to be seen.
WANTED = 2
# Candidates this close to the best, as a share of what is still missing, count as equal: the first of them is taken,
# so that noise does not change the choice.
_EQUAL = 0.2


def choose_directions(frame: PrincipalFrame, views: int | None) -> list[Direction]:
    """Return directions to look from: the six faces first, then greedily those that add most.

    Parameters
    ----------
    frame : PrincipalFrame
    views : int or None
        How many, 1 to `MAX_VIEWS`; None for as many as it takes to see every visible part `WANTED` times.
    """
    if views is not None and views <= len(FACES):
        return list(FACES[:views])
    visible = _visibility(frame)
    chosen = list(range(len(FACES)))
    count = visible[chosen].sum(axis=0)
    reachable = np.minimum(visible.sum(axis=0), WANTED)
    while len(chosen) < (views or MAX_VIEWS):
        missing = np.maximum(reachable - count, 0)
        if views is None and not missing.any():
            break
        # Once everything is covered, what was seen least often comes next.
        worth = missing if missing.any() else 1.0 / (1.0 + count)
        gain = visible @ worth
        gain[chosen] = -1
        best = int(np.argmax(gain >= gain.max() * (1 - _EQUAL)))
        chosen.append(best)
        count = count + visible[best]
    return [DIRECTIONS[index] for index in chosen]


def _visibility(frame: PrincipalFrame) -> npt.NDArray[np.float32]:
    """Return 1 where a direction sees a cell of the object, shape (directions, M).

    The cells are their own z-buffer: a grid of pixels half again as wide as a cell keeps, in each pixel, what lies
    within two cells of the nearest.
    """
    cells = (frame.cells @ frame.axes.T) / np.float32(1.5 * frame.cell_side)
    return np.stack([_seen(cells, direction) for direction in DIRECTIONS]).astype(np.float32)


def _seen(cells: FloatArray, direction: Sequence[int]) -> BoolArray:
    right, down, away = viewer_axes(direction) @ cells.T
    column = np.rint(right - right.min()).astype(np.int64)
    pixel = np.rint(down - down.min()).astype(np.int64) * (column.max() + 1) + column
    nearest = np.full(int(pixel.max()) + 1, np.inf)
    np.minimum.at(nearest, pixel, away)
    seen: BoolArray = away <= nearest[pixel] + 2.0
    return seen


def viewer_axes(direction: Sequence[int]) -> npt.NDArray[np.float64]:
    """Return the rows right, down and away of a viewer in `direction`, all in the frame's (right, up, front)."""
    toward = np.array(direction, np.float64)
    toward /= np.linalg.norm(toward)
    up = np.array((0.0, 1.0, 0.0))
    if abs(toward @ up) > 0.99:
        up = np.array((0.0, 0.0, -toward[1]))
    right = np.cross(up, toward)
    right /= np.linalg.norm(right)
    return np.stack([right, -np.cross(toward, right), -toward])


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
