"""Work on clouds of any size in bounded memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

#: Points worked on at once: bounds the memory of temporaries whatever the size of the cloud.
CHUNK = 1_000_000


def thinned(points: FloatArray, most: int) -> FloatArray:
    """Return every n-th of `points`, so that at most `most` are left."""
    return points[:: max(1, -(-len(points) // most))]


def bounds(points: FloatArray, turn: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper corner of the box around `points`, shape (P, 3), turned by `turn` if given."""
    low, high = np.full(3, np.inf, np.float32), np.full(3, -np.inf, np.float32)
    for start in range(0, len(points), CHUNK):
        part = points[start : start + CHUNK].T
        # One contiguous row per axis: several times as fast to reduce as three interleaved columns.
        turned = np.ascontiguousarray(part) if turn is None else turn @ part
        low, high = np.minimum(low, turned.min(axis=1)), np.maximum(high, turned.max(axis=1))
    return low, high
