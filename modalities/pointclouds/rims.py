"""Where a surface ends open, and whether it was seen from one side only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

# Neighbours whose directions are looked at, and the widest angle without one that is still no rim. Of 15 neighbours of
# an element of a closed surface, edges and corners included, the widest angle is about 1 and seldom 1.6 radians; at a
# straight rim it is pi.
_AROUND = 16
_RIM_ANGLE = 2.0
# Farther than this, in element sides, no rim is felt.
FAR = 12.0
# A surface was seen from one side if a viewer there sees all but so few of its elements, and so many lie at rims.
_HIDDEN = 0.08
_LEAST_RIM = 0.01
# An element hides those that lie behind it by more than this, within one cell of this width, in element sides.
_BEHIND, _CELL = 2.5, 1.0
_STEPS = 4


def _half_sphere(count: int) -> FloatArray:
    """Return evenly spread directions, of which no two are opposite (Fibonacci's spiral)."""
    up = (np.arange(count) + 0.5) / count
    turn = np.pi * (1 + np.sqrt(5)) * np.arange(count)
    flat = np.sqrt(1 - up**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), up], axis=1).astype(np.float32)


# Where a viewer is looked for besides the mean of the normals; neighbours are about 17 degrees apart.
_HALF_SPHERE = _half_sphere(70)


def widest_gaps(points: FloatArray, normals: FloatArray, neighbours: IntArray) -> FloatArray:
    """Return the widest angle around each element, in its tangent plane, in which no neighbour lies, shape (M,).

    Parameters
    ----------
    points, normals : float32, shape (M, 3)
    neighbours : int64, shape (M, K)
        Nearest elements, the nearest first (itself).
    """
    near = neighbours[:, 1:_AROUND]
    if near.shape[1] < 2:
        return np.zeros(len(points), np.float32)
    helper = np.where(np.abs(normals[:, :1]) < 0.7, np.array((1, 0, 0), np.float32), np.array((0, 1, 0), np.float32))
    first = np.cross(normals, helper)
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    second = np.cross(normals, first)
    offsets = points[near] - points[:, None]
    angles = np.sort(
        np.arctan2(np.einsum("mkj,mj->mk", offsets, second), np.einsum("mkj,mj->mk", offsets, first)), axis=1
    )
    around = np.diff(angles, axis=1, append=angles[:, :1] + 2 * np.pi)
    widest: FloatArray = around.max(axis=1).astype(np.float32)
    return widest


def rim_distances(points: FloatArray, gaps: FloatArray, side: float) -> FloatArray:
    """Return how far each element lies from the nearest open rim, in element sides, at most `FAR`, shape (M,)."""
    rim = gaps > _RIM_ANGLE
    if not rim.any():
        return np.full(len(points), FAR, np.float32)
    distance: FloatArray = np.minimum(cKDTree(points[rim]).query(points)[0] / side, FAR).astype(np.float32)
    return distance


def viewed_from(points: FloatArray, normals: FloatArray, gaps: FloatArray, side: float) -> FloatArray | None:
    """Return the direction towards the viewer of a surface that was seen from one side only; None of any other.

    Such a surface ends open, and hides nothing of itself from the viewer. Seen from behind it hides nothing either:
    the viewer is taken to stand where the rim is farther away than the middle, as around most objects.

    Parameters
    ----------
    points, normals : float32, shape (M, 3)
        The normals may point to either side.
    gaps : float32, shape (M,)
        See `widest_gaps`.
    side : float
        Distance between neighbours.
    """
    rim = gaps > _RIM_ANGLE
    if rim.mean() < _LEAST_RIM or rim.all():
        return None
    best, least = None, _HIDDEN
    for toward in [*(_along_normals(normals, start) for start in np.eye(3, dtype=np.float32)), *_HALF_SPHERE]:
        hidden = _hidden(points, toward, side)
        if hidden < least:
            best, least = toward, hidden
    if best is None:
        return None
    height = points @ best
    return best if height[rim].mean() <= height[~rim].mean() else np.asarray(-best, np.float32)


def _along_normals(normals: FloatArray, toward: FloatArray) -> FloatArray:
    """Return the mean of the normals, each turned to the side that the mean of the others is on."""
    for _ in range(_STEPS):
        turned = normals * np.where(normals @ toward < 0, np.float32(-1), np.float32(1))[:, None]
        mean = turned.mean(axis=0)
        toward = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    return toward


def _hidden(points: FloatArray, toward: FloatArray, side: float) -> float:
    """Return the share of elements that lie behind others as a viewer in direction `toward` sees them."""
    helper = np.eye(3, dtype=np.float32)[np.argmin(np.abs(toward))]
    first = np.cross(toward, helper)
    first /= np.linalg.norm(first)
    flat = np.stack([points @ first, points @ np.cross(toward, first)], axis=1)
    cells = np.floor((flat - flat.min(axis=0)) / (_CELL * side)).astype(np.int64)
    number = np.unique(cells[:, 0] * (int(cells[:, 1].max()) + 1) + cells[:, 1], return_inverse=True)[1].ravel()
    height = points @ toward
    highest = np.full(int(number.max()) + 1, -np.inf)
    np.maximum.at(highest, number, height)
    return float((highest[number] - height > _BEHIND * side).mean())
