"""Areas under ranking curves, from counts at ascending scores.

Everything here takes two arrays of shape (..., T): how much normal and how much anomalous material has the t-th of T
ascending scores. The same functions so serve single images (T distinct scores), histograms of pixels (T bins) and
bootstrap replicates of either (leading axes). Where a metric is not defined (one class only) the result is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Counts = npt.NDArray[Any]


def auroc(normal: Counts, anomalous: Counts) -> FloatArray:
    """Area under the ROC curve: the chance that an anomalous item scores above a normal one, ties counting half.

    Parameters
    ----------
    normal, anomalous : array, shape (..., T)
        Counts or weights at ascending scores.

    Returns
    -------
    float64, shape (...)
    """
    below = np.cumsum(normal, axis=-1, dtype=np.float64) - normal / 2.0
    wins = np.sum(anomalous * below, axis=-1)
    return _divide(wins, _total(normal) * _total(anomalous))


def tie_share(normal: Counts, anomalous: Counts) -> FloatArray:
    """Share of normal-anomalous pairs with the same score.

    For binned scores, half of it bounds by how much :func:`auroc` can differ from that of the unbinned ones.
    """
    return _divide(np.sum(np.asarray(normal, np.float64) * anomalous, axis=-1), _total(normal) * _total(anomalous))


def average_precision(normal: Counts, anomalous: Counts) -> FloatArray:
    """Average precision: precision summed over the steps of recall, without interpolation (as scikit-learn has it)."""
    true, false = _at_least(anomalous), _at_least(normal)
    precision = _divide(true, true + false, empty=0.0)
    return _divide(np.sum(anomalous * precision, axis=-1), _total(anomalous))


def f1_max(normal: Counts, anomalous: Counts) -> FloatArray:
    """Highest F1 over all thresholds; NaN where one class is missing."""
    true, false = _at_least(anomalous), _at_least(normal)
    best = np.max(_divide(2.0 * true, true + false + _total(anomalous)[..., None], empty=0.0), axis=-1)
    both = (_total(normal) > 0) & (_total(anomalous) > 0)
    return np.where(both, best, np.nan)


def aupro(normal: Counts, overlap: Counts, regions: Counts, limit: float) -> FloatArray:
    """Area under the per-region-overlap curve up to a false-positive rate, divided by that rate.

    The overlap at a threshold is the mean, over all connected ground-truth regions, of the share of the region that
    scores at or above it (Bergmann et al., IJCV 2021); small regions so weigh as much as large ones.

    Parameters
    ----------
    normal : array, shape (..., T)
        Normal pixels at ascending scores.
    overlap : array, shape (..., T)
        Sum over the regions of the share of the region that has the t-th score.
    regions : array, shape (...)
        Number of regions.
    limit : float
        In (0, 1]; the field reports 0.3 and 0.05.

    Returns
    -------
    float64, shape (...)
        In [0, 1].
    """
    rate = _divide(_at_least(normal), _total(normal)[..., None])[..., ::-1]
    hit = _divide(_at_least(overlap), np.asarray(regions, np.float64)[..., None])[..., ::-1]
    start = np.zeros((*rate.shape[:-1], 1))
    rate, hit = np.concatenate([start, rate], axis=-1), np.concatenate([start, hit], axis=-1)
    step = np.diff(rate, axis=-1)
    # The last step is cut where it crosses the limit; later ones have no width.
    width = np.clip(limit - rate[..., :-1], 0.0, step)
    slope = _divide(np.diff(hit, axis=-1), step, empty=0.0)
    area = np.sum(width * (hit[..., :-1] + slope * width / 2.0), axis=-1)
    return np.where((_total(normal) > 0) & (np.asarray(regions) > 0), area / limit, np.nan)


def _at_least(counts: Counts) -> FloatArray:
    """Sum over the t-th and all higher scores."""
    summed: FloatArray = np.cumsum(counts[..., ::-1], axis=-1, dtype=np.float64)[..., ::-1]
    return summed


def _total(counts: Counts) -> FloatArray:
    return np.asarray(np.sum(counts, axis=-1, dtype=np.float64))


def _divide(numerator: Counts, denominator: Counts, empty: float = np.nan) -> FloatArray:
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    quotient = np.full(shape, empty, np.float64)
    np.divide(numerator, denominator, out=quotient, where=np.asarray(denominator) > 0)
    return quotient
