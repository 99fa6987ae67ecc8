"""3D connected components of a map that arrives slab by slab, so that it is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from looktwice.core.study import BoolArray, FloatArray


@dataclass(frozen=True)
class Component:
    """One set of voxels at or above the threshold, connected by faces.

    Attributes
    ----------
    score : float
        The highest value inside.
    peak : (int, int, int)
        Where it is.
    voxels : int
    centroid : float64, shape (3,)
        Mean voxel index.
    low, high : int64, shape (3,)
        Box; `high` is exclusive.

    Examples
    --------
    >>> scores = np.zeros((8, 8, 8), np.float32)
    >>> scores[1:4, 2:4, 5] = 0.6
    >>> scores[2, 3, 5] = 0.9
    >>> (found,) = find_components([((0, 0, 0), scores)], threshold=0.5)
    >>> round(found.score, 2), found.peak, found.voxels, found.centroid
    (0.9, (2, 3, 5), 6, array([2. , 2.5, 5. ]))
    """

    score: float
    peak: tuple[int, int, int]
    voxels: int
    centroid: npt.NDArray[np.float64]
    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]


def find_components(slabs: Iterable[tuple[tuple[int, int, int], FloatArray]], threshold: float) -> list[Component]:
    """Return the components of a map that comes in slabs along its last axis.

    Parameters
    ----------
    slabs : iterable of (first voxel, float32 array of shape (I, J, n))
        In ascending order, without gaps, and equal in i and j.
    """
    pieces: list[Component] = []
    links: list[npt.NDArray[np.int64]] = []
    last_plane: npt.NDArray[np.int64] | None = None
    for origin, slab in slabs:
        labels, count = ndimage.label(slab >= threshold)
        numbered = np.where(labels > 0, labels + (len(pieces) - 1), -1) if count else None
        if numbered is not None and last_plane is not None:
            links.append(_touching(last_plane, numbered[:, :, 0]))
        pieces += _pieces(labels, slab, origin)
        last_plane = None if numbered is None else numbered[:, :, -1].copy()
    return _joined(pieces, links)


def _touching(below: npt.NDArray[np.int64], above: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return pairs of piece numbers that share a face between two neighbouring planes."""
    both = (below >= 0) & (above >= 0)
    if not both.any():
        return np.zeros((0, 2), np.int64)
    base = int(above.max()) + 1
    pairs = np.unique(below[both] * base + above[both])  # one number a pair sorts far faster than two
    return np.stack(np.divmod(pairs, base), axis=1)


def _pieces(labels: npt.NDArray[Any], slab: FloatArray, origin: tuple[int, int, int]) -> list[Component]:
    """Measure each labelled piece of one slab, in label order."""
    pieces = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == label
        low = np.add([side.start for side in box], origin).astype(np.int64)
        values = np.where(inside, slab[box], -np.inf)
        best = np.unravel_index(np.argmax(values), values.shape)
        i, j, k = (int(a + b) for a, b in zip(low, best, strict=True))
        count, centre = _count_and_centre(inside)
        high = low + np.array(inside.shape)
        pieces.append(Component(float(values[best]), (i, j, k), count, low + centre, low, high))
    return pieces


def _count_and_centre(inside: BoolArray) -> tuple[int, npt.NDArray[np.float64]]:
    """Return the number of voxels and their mean index."""
    across = [np.count_nonzero(inside, axis=tuple({0, 1, 2} - {axis})) for axis in range(3)]
    count = int(across[0].sum())
    return count, np.array([np.arange(len(sums)) @ sums / count for sums in across])


def _joined(pieces: list[Component], links: list[npt.NDArray[np.int64]]) -> list[Component]:
    """Merge the pieces that touch across slabs."""
    if not pieces:
        return []
    pairs = np.concatenate([np.zeros((0, 2), np.int64), *links])
    size = (len(pieces), len(pieces))
    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=size)
    count, owner = connected_components(graph, directed=False)
    groups: list[list[Component]] = [[] for _ in range(count)]
    for piece, group in zip(pieces, owner, strict=True):
        groups[int(group)].append(piece)
    return [_merged(group) for group in groups]


def _merged(pieces: list[Component]) -> Component:
    best = max(pieces, key=lambda piece: piece.score)
    voxels = sum(piece.voxels for piece in pieces)
    centroid = np.asarray(sum(piece.centroid * piece.voxels for piece in pieces) / voxels, dtype=np.float64)
    low = np.min([piece.low for piece in pieces], axis=0)
    high = np.max([piece.high for piece in pieces], axis=0)
    return Component(best.score, best.peak, voxels, centroid, low, high)
