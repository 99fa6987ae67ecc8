"""Grey values of more than 8 bit, or floating-point ones, to bytes; single outliers do not set the range."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.core.study import ByteArray

_OUTLIERS = 1e-4
"""Share of the values that may lie beyond either end of the range: 26 dead or hot pixels of 512 × 512, none of pictures
below 100 × 100."""

_FULL_SCALE_USED = 1 / 8
"""Floats that use at least this share of [0, 1], or of the bits in use, are shown on that scale, as integers are; below
it (heights of 500 to 510 mm) their own range is stretched."""


def to_8_bit(values: npt.NDArray[Any], name: str, notes: list[str]) -> ByteArray:
    """Return grey values or colours, of any shape, as bytes.

    Integers are scaled by the bits that they use, floats by [0, 1], by the bits that they use, or by their own range.

    Parameters
    ----------
    values : integers or floats
    name : str
        For errors.
    notes : list of str
        The range that was taken is appended to it.

    Raises
    ------
    InputError
        No value is finite.
    """
    finite = np.isfinite(values)
    if not finite.any():
        raise InputError(f"{name}: no pixel has a finite value")
    low, high = _usual_range(values[finite])
    bottom, top = _scale(values.dtype, low, high)
    missing = int((~finite).sum())
    if missing:
        notes.append(f"{missing} values are not finite; they are shown like their nearest neighbours")
        values = _filled(values, finite)
    beyond = int(((values < bottom) | (values > top)).sum())
    if (bottom, top) != (0, 255):
        notes.append(f"grey values from {bottom:.6g} to {top:.6g} are shown as black to white")
    if beyond:
        notes.append(f"{beyond} single values lie outside this range and are cut to it")
    if values.dtype.kind in "iu" and bottom == 0:
        bits = int(top).bit_length()
        return np.asarray(np.clip(values, 0, int(top)) >> (bits - 8), np.uint8)
    scaled = (np.clip(values, bottom, top).astype(np.float64) - bottom) / max(top - bottom, np.finfo(np.float32).tiny)
    return np.asarray(np.rint(scaled * 255), np.uint8)


def _usual_range(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest value but for the outliers."""
    beyond = int(values.size * _OUTLIERS)
    if not beyond:
        return float(values.min()), float(values.max())
    ordered = np.partition(values, (beyond, values.size - 1 - beyond))
    return float(ordered[beyond]), float(ordered[values.size - 1 - beyond])


def _scale(dtype: np.dtype[Any], low: float, high: float) -> tuple[float, float]:
    if low < 0 or (dtype.kind == "f" and 1 < high < 128):
        return low, high
    full = 1.0 if dtype.kind == "f" and high <= 1 else float(2 ** max(8, int(np.ceil(high)).bit_length()) - 1)
    if dtype.kind == "f" and high - low < _FULL_SCALE_USED * full:
        return low, high
    return 0.0, full


def _filled(values: npt.NDArray[Any], finite: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    from scipy import ndimage

    nearest = ndimage.distance_transform_edt(~finite, return_distances=False, return_indices=True)
    filled: npt.NDArray[Any] = values[tuple(nearest)]
    return filled
