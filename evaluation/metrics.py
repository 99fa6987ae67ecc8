"""What is reported of the scores of single inputs: ranking, decision and calibration."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from looktwice.evaluation import bootstrap
from looktwice.evaluation.curves import FloatArray, auroc, average_precision, f1_max

IMAGE_METRICS = {"image_auroc": auroc, "image_ap": average_precision, "image_f1max": f1_max}
"""AUROC, average precision and the highest F1 of one score per input (photograph, volume or cloud)."""

CALIBRATION_BINS = 15


def image_metrics(labels: npt.ArrayLike, scores: npt.ArrayLike) -> dict[str, float | None]:
    """Compute AUROC, average precision and F1-max of one score per input.

    Parameters
    ----------
    labels : array of {0, 1}, shape (n,)
        1 is anomalous.
    scores : float array, shape (n,)
        Higher is more anomalous; any finite scale.

    Returns
    -------
    dict
        ``image_auroc, image_ap, image_f1max``; each None where one class is missing.
    """
    counts = _counts(np.asarray(labels), np.asarray(scores, np.float64), np.ones((1, np.size(labels))))
    if counts is None:
        return dict.fromkeys(IMAGE_METRICS)
    return {name: float(metric(*counts)[0]) for name, metric in IMAGE_METRICS.items()}


def image_replicates(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    groups: Sequence[Hashable],
    *,
    seed: bootstrap.Seed = 0,
    replicates: int = bootstrap.REPLICATES,
) -> dict[str, FloatArray]:
    """Draw bootstrap replicates of :func:`image_metrics`, resampling whole groups (patients, objects).

    Returns
    -------
    dict
        Name to float64 of shape (replicates,); empty where one class is missing.
    """
    known, values = np.asarray(labels), np.asarray(scores, np.float64)
    if len(np.unique(known)) < 2:
        return {}

    def statistic(weights: FloatArray) -> FloatArray:
        counts = _counts(known, values, weights)
        assert counts is not None
        return np.stack([metric(*counts) for metric in IMAGE_METRICS.values()], axis=-1)

    drawn = bootstrap.replicate(statistic, groups, seed=seed, replicates=replicates)
    return {name: drawn[:, column] for column, name in enumerate(IMAGE_METRICS)}


def _counts(
    labels: npt.NDArray[np.generic], scores: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Sum weights (b, n) over equal scores: normal and anomalous, (b, T) each, in ascending order of the score."""
    if len(np.unique(labels)) < 2:
        return None
    order = np.argsort(scores, kind="stable")
    ascending = scores[order]
    starts = np.flatnonzero(np.r_[True, ascending[1:] != ascending[:-1]])
    drawn, anomalous = weights[:, order], labels[order] == 1
    return (
        np.add.reduceat(drawn * ~anomalous, starts, axis=1),
        np.add.reduceat(drawn * anomalous, starts, axis=1),
    )


def balanced_accuracy(labels: npt.ArrayLike, scores: npt.ArrayLike, threshold: float) -> float | None:
    """Mean of sensitivity and specificity when scores at or above `threshold` are called anomalous.

    None where one class is missing: half of the figure would not be known.
    """
    known, called = np.asarray(labels), np.asarray(scores) >= threshold
    if len(np.unique(known)) < 2:
        return None
    return float((np.mean(called[known == 1]) + np.mean(~called[known == 0])) / 2)


def expected_calibration_error(
    labels: npt.ArrayLike, scores: npt.ArrayLike, bins: int = CALIBRATION_BINS
) -> float | None:
    """Measure how far scores are from the probability of being anomalous (ECE; Guo et al., ICML 2017).

    Over `bins` equal parts of [0, 1]: the mean, weighted by how many scores fall into each, of the distance between
    mean score and share of anomalous inputs. None without any input.
    """
    known, values = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if not len(known):
        return None
    index = np.clip((values * bins).astype(int), 0, bins - 1)
    gap = np.bincount(index, known - values, minlength=bins)
    return float(np.abs(gap).sum() / len(known))


def macro(records: Iterable[Mapping[str, object]], names: Iterable[str]) -> dict[str, float | None]:
    """Average each metric over categories, every category weighing the same whatever its size.

    Categories for which a metric could not be computed (None) are left out of its mean; None where none is left.
    """
    rows = list(records)
    means: dict[str, float | None] = {}
    for name in names:
        values = [float(value) for row in rows if isinstance(value := row.get(name), (int, float))]
        values = [value for value in values if math.isfinite(value)]
        means[name] = float(np.mean(values)) if values else None
    return means
