"""From maps of views to scores of points: occlusion respected, every view weighted by how squarely it looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from looktwice.modalities.rendering.chunks import CHUNK, bounds
from looktwice.modalities.rendering.renderer import Rendering

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

# How many of the nearest cells with seen points an unseen point takes its score from, beyond its own.
_NEIGHBOURS = 3
_CELLS = 64
_RIM_POINTS = 50_000


def lift_to_points(
    points: FloatArray, drawn: BoolArray, renderings: Sequence[Rendering], maps: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.uint8], BoolArray]:
    """Return one score per point from one map per view.

    A point's score is the mean of the maps where it is seen, weighted by the squared cosine of the angle between the
    surface and the line of sight: an oblique view shows a point small and distorted. Points that no view sees take the
    mean of the seen ones nearest to them.

    Parameters
    ----------
    points : float32, shape (P, 3)
        All of the file's points, in the renderings' coordinates; NaN where not inspected.
    drawn : bool, shape (P,)
        Those that are inspected; the others score 0.
    renderings : sequence of Rendering
    maps : float32, shape (V, h, w)

    Returns
    -------
    values : float32, shape (P,)
    seen_count : uint8, shape (P,)
        How many views see the point.
    filled : bool, shape (P,)
        Whether the score was taken from neighbours, or is the 0 of a point that is not inspected.

    Raises
    ------
    ValueError
        If there is not one map per view.
    """
    if len(maps) != len(renderings):
        raise ValueError(f"{len(maps)} maps for {len(renderings)} views")
    sums = np.zeros((len(points), 2), np.float32)
    seen_count = np.zeros(len(points), np.uint8)
    for rendering, view_map in zip(renderings, maps, strict=True):
        table = _weighted(rendering, view_map)
        for start in range(0, len(points), CHUNK):
            part = slice(start, start + CHUNK)
            pixel = rendering.visible(points[part])
            sums[part] += table.take(pixel, axis=0)
            seen_count[part] += pixel < len(table) - 1
    values: FloatArray = sums[:, 0] / np.maximum(sums[:, 1], np.float32(1e-12))
    filled = seen_count == 0
    unseen = filled & drawn
    if unseen.any() and not filled.all():
        values[unseen] = _from_neighbours(points[~filled], values[~filled], points[unseen])
    return values, seen_count, filled


def _weighted(rendering: Rendering, view_map: FloatArray) -> FloatArray:
    """Return (weight times score, weight) of every pixel of a view, then (0, 0) for "not seen"."""
    size = rendering.camera.size
    table = np.zeros((size * size + 1, 2), np.float32)
    table[:-1, 1] = np.maximum(rendering.geometry.facing, 0.05).ravel() ** 2
    table[:-1, 0] = _resize(view_map, size).ravel() * table[:-1, 1]
    return table


def _resize(view_map: FloatArray, size: int) -> FloatArray:
    """Resize a map that covers a view's full extent to the view's pixels, bilinearly, clamped at the border."""
    if view_map.shape == (size, size):
        return view_map
    height, width = view_map.shape
    rows = np.clip((np.arange(size) + 0.5) * height / size - 0.5, 0, height - 1)
    columns = np.clip((np.arange(size) + 0.5) * width / size - 0.5, 0, width - 1)
    top, left = np.minimum(rows.astype(int), max(height - 2, 0)), np.minimum(columns.astype(int), max(width - 2, 0))
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, across = (rows - top).astype(np.float32)[:, None], (columns - left).astype(np.float32)
    lines = view_map[top] * (1 - down) + view_map[bottom] * down
    resized: FloatArray = lines[:, left] * (1 - across) + lines[:, right] * across
    return resized


def _from_neighbours(seen: FloatArray, values: FloatArray, unseen: FloatArray) -> FloatArray:
    """Return the mean over the nearest cells of a grid that hold seen points, at each unseen point.

    Points deep inside have thousands of seen ones about as near: cells answer for them all at once.
    """
    from scipy.spatial import cKDTree

    # Unseen points lie in crevices, whose rims a share of the seen points describes as well as all of them.
    step = -(-len(seen) // _RIM_POINTS)
    seen, values = seen[::step], values[::step]
    low, high = (np.stack(corners) for corners in zip(bounds(seen), bounds(unseen), strict=True))
    scale = np.float32((1 - 1e-6) * _CELLS) / max(float((high.max(axis=0) - low.min(axis=0)).max()), 1e-12)
    rim, within = (_cell_of(points, low.min(axis=0), scale) for points in (seen, unseen))
    held = np.bincount(rim, minlength=_CELLS**3)
    means = (np.bincount(rim, values, _CELLS**3) / np.maximum(held, 1)).astype(np.float32)
    known, asked = np.flatnonzero(held), np.flatnonzero((np.bincount(within, minlength=_CELLS**3) > 0) & (held == 0))
    if len(asked):
        grid = (_CELLS,) * 3
        tree = cKDTree(np.stack(np.unravel_index(known, grid), axis=1))
        count = min(_NEIGHBOURS, len(known))
        _, nearest = tree.query(np.stack(np.unravel_index(asked, grid), axis=1), k=count)
        means[asked] = means[known[np.asarray(nearest).reshape(len(asked), count)]].mean(axis=1)
    return means[within]


def _cell_of(points: FloatArray, low: FloatArray, scale: float) -> npt.NDArray[np.int32]:
    i, j, k = ((points.T - low[:, None]) * np.float32(scale)).astype(np.int32)
    cell: npt.NDArray[np.int32] = (i * _CELLS + j) * _CELLS + k
    return cell
