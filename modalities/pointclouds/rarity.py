"""How rare a place's form is on its own object: the left horn is excused by the right one, a dent by nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

# How near counts as "the same place", in units of the object's radius.
_SAME_PLACE = 0.2
# This many places, evenly spread, are enough to find a form among.
_COMPARED = 2000
# Rows of the matrix of distances that are held at once.
_ROWS = 512


def rarity(points: FloatArray, descriptions: FloatArray) -> FloatArray:
    """Return the distance from each description to the most similar one in another place, shape (M,).

    Parameters
    ----------
    points : float32, shape (M, 3)
    descriptions : float32, shape (M, D)

    Returns
    -------
    float32, shape (M,)
        0 for shapes found elsewhere too; 0 throughout on an object no larger than one place.
    """
    others = slice(None, None, -(-len(points) // _COMPARED))
    apart, unlike = _against(points[others]), _against(descriptions[others])
    here, own = (_with_one(rows) for rows in (points, descriptions))
    near = _SAME_PLACE**2 - (points * points).sum(axis=1)
    found = np.zeros(len(points), np.float32)
    for start in range(0, len(points), _ROWS):
        part = slice(start, start + _ROWS)
        distance = own[part] @ unlike
        np.copyto(distance, np.float32(np.inf), where=here[part] @ apart < near[part, None])
        found[part] = distance.min(axis=1)
    found += (descriptions * descriptions).sum(axis=1)
    found[~np.isfinite(found)] = 0
    return np.sqrt(np.maximum(found, 0))


def _with_one(rows: FloatArray) -> FloatArray:
    return np.append(rows, np.ones((len(rows), 1), np.float32), axis=1)


def _against(rows: FloatArray) -> FloatArray:
    """Return what `_with_one` is multiplied by for squared distances to `rows`, less the squared lengths of the own."""
    against: FloatArray = np.append(-2 * rows, (rows * rows).sum(axis=1, keepdims=True), axis=1).T
    return against
