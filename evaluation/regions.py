"""Connected regions of a ground truth: of pixels, voxels or points."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

IntArray = npt.NDArray[np.int32]
POINT_REACH = 3.0
"""Points of a cloud touch when they are nearer than this many median nearest-neighbour distances."""


def label_grid(mask: npt.NDArray[np.bool_]) -> tuple[IntArray, int]:
    """Give each connected region of a mask a number.

    Corners touch (8 neighbours in 2D, 26 in 3D), as in MVTec's evaluation.

    Returns
    -------
    labels : int32, the shape of `mask`
        0 outside, 1..n inside.
    n : int
    """
    labels = np.zeros(mask.shape, np.int32)
    box = _bounding_box(mask)
    if box is None:
        return labels, 0
    count = ndimage.label(mask[box], structure=np.ones((3,) * mask.ndim), output=labels[box])
    return labels, int(count)


def label_points(mask: npt.NDArray[np.bool_], points: npt.NDArray[np.floating[Any]] | None) -> tuple[IntArray, int]:
    """Give each connected region of a cloud's anomalous points a number.

    Two anomalous points are connected when they lie within :data:`POINT_REACH` times the cloud's median distance to
    the nearest neighbour, which makes the result independent of the cloud's unit.

    Parameters
    ----------
    mask : bool, shape (P,)
    points : float, shape (P, 3), optional
        Without it all anomalous points count as one region.

    Returns
    -------
    labels : int32, shape (P,)
    n : int
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    if points is None or mask.sum() < 2:
        return mask.astype(np.int32), int(mask.any())
    spacing = np.median(KDTree(points).query(points, k=2, workers=1)[0][:, 1])
    inside = np.flatnonzero(mask)
    pairs = KDTree(points[inside]).query_pairs(POINT_REACH * spacing, output_type="ndarray")
    touching = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(inside), len(inside)))
    count, component = connected_components(touching, directed=False)
    labels = np.zeros(len(mask), np.int32)
    labels[inside] = component + 1
    return labels, int(count)


def _bounding_box(mask: npt.NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """Return the smallest box around the mask: labelling it instead of the whole grid is many times faster."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        if not len(hit):
            return None
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return tuple(box)
