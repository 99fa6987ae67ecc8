"""Robust statistics: location and scale that a few odd values hardly move."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# The standard deviation of normally distributed values is this many median absolute deviations (MAD).
MAD_TO_SD = 1.4826


def robust_scale(values: npt.NDArray[np.floating], axis: int | None = None) -> tuple[Any, Any]:
    """Return the median, and the median absolute deviation as a standard deviation.

    Parameters
    ----------
    values : float array
        NaN marks what was not measured; it does not count.
    axis : int, optional
        The axis to reduce; by default all values count together.

    Returns
    -------
    median, scale : float array, or scalar without `axis`
        In the type of `values`.

    Examples
    --------
    >>> median, scale = robust_scale(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    >>> float(median), float(scale)
    (3.0, 1.4826)
    """
    median = np.nanmedian(values, axis=axis, keepdims=True)
    scale = MAD_TO_SD * np.nanmedian(np.abs(values - median), axis=axis)
    return (median.item() if axis is None else np.squeeze(median, axis)), scale
