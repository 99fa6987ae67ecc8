"""Percentile bootstrap over patients or objects."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt

from looktwice.evaluation.curves import FloatArray

Seed = int | Sequence[int]

REPLICATES = 1000
LEVEL = 0.95
_BLOCK = 2_000_000  # weights held at once, so that large sets do not fill the memory


def replicate(
    statistic: Callable[[FloatArray], FloatArray],
    groups: Sequence[Hashable],
    *,
    seed: Seed = 0,
    replicates: int = REPLICATES,
) -> FloatArray:
    """Draw bootstrap replicates of a statistic, resampling whole groups.

    Samples of one patient (or one physical part) are not independent: they are drawn together or not at all.

    Parameters
    ----------
    statistic : callable
        Maps weights of shape (b, n), how often each of n samples was drawn, to b values of any further shape.
    groups : sequence of length n
        Who or what each sample shows.
    seed : int or sequence of int
    replicates : int

    Returns
    -------
    float64, shape (replicates, ...)
    """
    index = np.unique([str(group) for group in groups], return_inverse=True)[1]
    count = int(index.max()) + 1
    generator = np.random.default_rng(seed)
    block = max(1, _BLOCK // len(index))
    parts = []
    for start in range(0, replicates, block):
        drawn = generator.multinomial(count, np.full(count, 1 / count), size=min(block, replicates - start))
        parts.append(statistic(drawn[:, index].astype(np.float64)))
    return np.concatenate(parts)


def interval(values: npt.ArrayLike, level: float = LEVEL) -> list[float] | None:
    """Return the central interval that holds `level` of the replicates.

    Replicates in which the statistic was not defined (NaN: one class was not drawn) are left out; None when fewer
    than half remain.
    """
    drawn = np.asarray(values, np.float64)
    known = drawn[np.isfinite(drawn)]
    if not len(known) or len(known) < len(drawn) / 2:
        return None
    tail = 50 * (1 - level)
    return [float(bound) for bound in np.percentile(known, [tail, 100 - tail])]
