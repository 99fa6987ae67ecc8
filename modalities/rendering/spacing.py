"""How far apart the points of a surface lie, locally, without a nearest-neighbour search."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

FloatArray = npt.NDArray[np.float32]

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
    columns = np.ascontiguousarray(points.T)
    low = columns.min(axis=1, keepdims=True)
    extent = float((columns.max(axis=1, keepdims=True) - low).max())
    cell = ((columns - low) * np.float32((1 - 1e-6) * _FINEST / extent)).astype(np.int32)
    cells = _FINEST
    counts = np.bincount(_flat(cell, cells), minlength=cells**3).reshape(cells, cells, cells)
    spacing = np.zeros(len(points), np.float32)
    todo = np.arange(len(points))
    while True:
        held = _points_per_cell(counts)[_flat(cell, cells)]
        sure = held >= _ENOUGH if cells > _COARSEST else np.ones(len(todo), bool)
        spacing[todo[sure]] = (extent / cells) / np.sqrt(1.5 * held[sure])
        if sure.all():
            return spacing
        todo, cell, cells = todo[~sure], cell[:, ~sure] >> 1, cells // 2
        counts = counts.reshape(cells, 2, cells, 2, cells, 2).sum(axis=(1, 3, 5))


def _flat(cell: npt.NDArray[np.int32], cells: int) -> npt.NDArray[np.int32]:
    flat: npt.NDArray[np.int32] = (cell[0] * cells + cell[1]) * cells + cell[2]
    return flat


def _points_per_cell(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the mean count of the occupied cells among each cell and its 26 neighbours, flattened."""
    total = ndimage.uniform_filter(counts.astype(np.float32), 3, mode="constant")
    used = ndimage.uniform_filter((counts > 0).astype(np.float32), 3, mode="constant")
    mean: npt.NDArray[np.float32] = (total / np.maximum(used, 1e-6)).ravel()
    return mean
