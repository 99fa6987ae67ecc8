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
    found = np.zeros(len(points), np.float32)
    for start in range(0, len(points), _ROWS):
        part = slice(start, start + _ROWS)
        distance = _squared_distances(descriptions[part], descriptions[others])
        distance[_squared_distances(points[part], points[others]) < _SAME_PLACE**2] = np.inf
        found[part] = distance.min(axis=1)
    found[~np.isfinite(found)] = 0
    return np.sqrt(np.maximum(found, 0))


def _squared_distances(first: FloatArray, second: FloatArray) -> FloatArray:
    distance: FloatArray = -2 * (first @ second.T)
    distance += (first * first).sum(axis=1)[:, None]
    distance += (second * second).sum(axis=1)
    return distance
