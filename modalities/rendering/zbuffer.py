"""Z-buffers as images of one integer per pixel: the depth's bits above, the point's index below.

Positive IEEE 754 floats order like their bits, so the smaller key is the nearer point; ties go to the lower index,
which makes every back end give one and the same picture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
KeyImage = npt.NDArray[np.int64]

EMPTY = np.int64(np.iinfo(np.int64).max)
_INDEX_BITS = np.int64(0xFFFFFFFF)


def pack(depth: FloatArray, index: npt.NDArray[np.integer]) -> KeyImage:
    """Return the keys of positive depths and of indices below 2**32, of any one shape."""
    bits = np.ascontiguousarray(depth, np.float32).view(np.int32)
    keys: KeyImage = np.left_shift(bits, 32, dtype=np.int64)
    keys |= index
    return keys


def depth_of(keys: KeyImage) -> FloatArray:
    """Return the depth in each key, infinity where empty."""
    depth: FloatArray = (keys >> 32).astype(np.int32).view(np.float32)
    depth[keys == EMPTY] = np.inf
    return depth


def index_of(keys: KeyImage) -> npt.NDArray[np.int64]:
    """Return the index in each key, -1 where empty."""
    index: npt.NDArray[np.int64] = np.where(keys == EMPTY, np.int64(-1), keys & _INDEX_BITS)
    return index


def gather(values: npt.NDArray, keys: KeyImage) -> npt.NDArray:
    """Return the value of the point in each pixel, 0 where empty; `values` has one entry per point."""
    empty = keys == EMPTY
    found = values.take(np.where(empty, 0, keys & _INDEX_BITS))
    found[empty] = 0
    return found


def pixel_of(column: FloatArray, row: FloatArray, size: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Return the row-major pixel that each position rounds to (0 where outside), and whether it is inside."""
    column, row = np.rint(column), np.rint(row)
    inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    # Whole numbers up to 2**24, a picture of 4096 x 4096, are exact in float32.
    row *= size
    row += column
    if not inside.all():
        row[~inside] = 0
    return row.astype(np.intp), inside
