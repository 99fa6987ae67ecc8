"""Heads beside other heads: each place of the brain against the same place in MNI space of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from looktwice.core.study import FloatArray, Study
from looktwice.modalities.volumes.fields import SeparableField
from looktwice.modalities.volumes.in_mni import brain_values, to_scan
from looktwice.modalities.volumes.study import VolumeStudy

COMPARES = "volume"

# Spreads over few heads are drawn towards the mean spread of all places, which so many heads more would have.
PRIOR = 4
# Of the brain's values, in their own robust spreads: no place is known better.
LEAST_SPREAD = 0.2
# Of a median absolute deviation, to a standard deviation.
_ROBUST = 1.4826

Values = npt.NDArray[np.float16]


class BrainComparer:
    """Intensities of brains that could be aligned with the MNI152 template; only the first scan of a case counts."""

    # Folds that do not meet fill the worst places of a sound brain, too: a small lesion hardly shows in them.
    clears = False

    def describe(self, study: Study) -> Values | None:
        """Return the smoothed, normalised intensities (N,) at the places of the template's brain."""
        assert isinstance(study, VolumeStudy)
        values = brain_values(study)
        if values is None:
            study.notes.append("not compared with other volumes: only heads that can be laid into MNI space are")
        return values

    def distances(self, one: Values, others: Sequence[Values], mutual: bool) -> FloatArray:
        """Return log(1 + deviation) of each place (N,), in spreads over the others; see ``Comparer``.

        It is counted from the head's own mean: one that fits the template badly deviates everywhere.
        """
        stacked = np.stack(others).astype(np.float32)
        known = np.isfinite(stacked).sum(axis=0) > 1
        values, count = stacked[:, known], len(others)
        if mutual:
            middle = np.nanmedian(values, axis=0)
            variance = (_ROBUST * np.nanmedian(np.abs(values - middle), axis=0)) ** 2
        else:
            middle, variance = np.nanmean(values, axis=0), np.nanvar(values, axis=0, ddof=1)
        variance = (count * variance + PRIOR * variance.mean()) / (count + PRIOR)
        # The middle of few is not known either.
        spread = np.maximum(np.sqrt(variance * (1 + 1 / count)), LEAST_SPREAD)
        deviation = np.full(len(one), np.nan, np.float32)
        deviation[known] = np.log1p(np.abs(one[known] - middle) / spread)
        deviation -= np.float32(np.nanmean(deviation))
        return deviation

    def places(self, study: Study, logits: FloatArray) -> SeparableField:
        """Return the logits as a field on the scan's own grid; 0 outside the brain."""
        return to_scan(cast(VolumeStudy, study), logits)


COMPARER = BrainComparer()
