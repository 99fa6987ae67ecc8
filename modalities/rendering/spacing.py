"""How far apart the points of a surface lie, locally, without a nearest-neighbour search."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from looktwice.modalities.rendering.chunks import CHUNK, bounds, thinned

FloatArray = npt.NDArray[np.float32]

# Enough points to measure density by.
_SAMPLE = 300_000
_FINEST = 64
_COARSEST = 8
# Cells that hold fewer points than this say nothing sure about density: a coarser grid is asked.
_ENOUGH = 6.0


def local_spacing(points: FloatArray) -> FloatArray:
    """Return, for every point, the side of the surface patch that it stands for.

    Points are counted in the cells of a grid; a plane of random orientation crosses 1.5 cells per unit area on
    average (in cells' faces), so a cell holding n points of a surface stands for h² / 1.5 of it. Where cells hold too
    few points to tell, a grid twice as coarse is used.

    Parameters
    ----------
    points : float32, shape (P, 3)

    Returns
    -------
    float32, shape (P,)
        In the unit of `points`; positive.
    """
    # The grid is laid along the points' own axes, so that turning the object turns the cells with it.
    turn = _own_axes(points)
    low, high = bounds(points, turn)
    extent = float((high - low).max())
    scale = np.float32((1 - 1e-6) * _FINEST / extent)
    sample = thinned(points, _SAMPLE)
    counts = np.bincount(_flat(_cells(sample, turn, low, scale), _FINEST), minlength=_FINEST**3)
    levels = _density_levels(counts * np.float32(len(points) / len(sample)))
    spacing = np.empty(len(points), np.float32)
    for start in range(0, len(points), CHUNK):
        cell = _cells(points[start : start + CHUNK], turn, low, scale)
        spacing[start : start + CHUNK] = _look_up(cell, levels, np.float32(extent))
    return spacing


def _density_levels(counts: FloatArray) -> list[FloatArray]:
    """Return the points per occupied cell on grids from the finest to the coarsest, each flattened."""
    levels, cells = [], _FINEST
    while True:
        cube = counts.reshape(cells, cells, cells)
        levels.append(_points_per_cell(cube))
        if cells == _COARSEST:
            return levels
        cells //= 2
        counts = cube.reshape(cells, 2, cells, 2, cells, 2).sum(axis=(1, 3, 5))


def _look_up(cell: npt.NDArray[np.int32], levels: list[FloatArray], extent: np.float32) -> FloatArray:
    """Return the spacing of points in the given finest cells, from the finest level that holds enough points."""
    spacing = np.empty(cell.shape[1], np.float32)
    todo = np.arange(cell.shape[1])
    for level, density in enumerate(levels):
        cells = _FINEST >> level
        held = density[_flat(cell, cells)]
        sure = held >= _ENOUGH if cells > _COARSEST else np.ones(len(todo), bool)
        spacing[todo[sure]] = (extent / cells) / np.sqrt(1.5 * held[sure])
        if sure.all():
            break
        todo, cell = todo[~sure], cell[:, ~sure] >> 1
    return spacing


def _own_axes(points: FloatArray) -> FloatArray:
    sample = thinned(points, 10_000).astype(np.float64)
    sample -= sample.mean(axis=0)
    axes: FloatArray = np.linalg.eigh(sample.T @ sample)[1].T.astype(np.float32)
    return axes


def _cells(points: FloatArray, turn: FloatArray, low: FloatArray, scale: np.float32) -> npt.NDArray[np.int32]:
    """Return the finest cell of each point, shape (3, P)."""
    turned = turn @ points.T
    turned -= low[:, None]
    turned *= scale
    cell: npt.NDArray[np.int32] = turned.astype(np.int32)
    return cell


def _flat(cell: npt.NDArray[np.int32], cells: int) -> npt.NDArray[np.int32]:
    flat: npt.NDArray[np.int32] = (cell[0] * cells + cell[1]) * cells + cell[2]
    return flat


def _points_per_cell(counts: FloatArray) -> npt.NDArray[np.float32]:
    """Return the mean count of the occupied cells among each cell and its 26 neighbours, flattened."""
    total = ndimage.uniform_filter(counts, 3, mode="constant")
    used = ndimage.uniform_filter((counts > 0).astype(np.float32), 3, mode="constant")
    mean: npt.NDArray[np.float32] = (total / np.maximum(used, 1e-6)).ravel()
    return mean
