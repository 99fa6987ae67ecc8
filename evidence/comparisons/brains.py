"""Comparison of head scans: the intensity of each place of the brain against the same place in MNI space of others."""

# kinds: compares heads

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from looktwice.core.statistics import robust_scale
from looktwice.core.study import FloatArray, Study
from looktwice.evidence.settings import DEFAULTS, Settings
from looktwice.modalities.volumes.fields import SeparableField
from looktwice.modalities.volumes.in_mni import brain_values, to_scan
from looktwice.modalities.volumes.study import VolumeStudy

COMPARES = "volume"

Values = npt.NDArray[np.float16]


class BrainComparer:
    """Compares intensities of brains that are aligned with the MNI152 template; uses only the first scan of a case.

    Examples
    --------
    One head of six is brighter in ten places:

    >>> heads = np.random.default_rng(0).normal(size=(6, 1000)).astype(np.float16)
    >>> heads[0, :10] += 9
    >>> distances = BrainComparer().distances(heads[0], list(heads[1:]), mutual=False)
    >>> bool(distances[:10].min() > distances[10:].max())
    True
    """

    # Misaligned folds give normal brains high values, too, so low values are no evidence that a brain is normal.
    clears, judges_alone = False, False

    def __init__(self, settings: Settings = DEFAULTS) -> None:
        self._settings = settings.brains

    def describe(self, study: Study) -> Values | None:
        """Return the smoothed, normalised intensities (N,) at the voxels of the template's brain."""
        assert isinstance(study, VolumeStudy)
        values = brain_values(study)
        if values is None:
            study.notes.append(
                "not compared with other volumes: only heads that can be aligned with MNI space are comparable"
            )
        return values

    def distances(self, one: Values, others: Sequence[Values], mutual: bool) -> FloatArray:
        """Return log(1 + |z-score|) of each place (N,), relative to the others; see ``Comparer``.

        The head's own mean is subtracted, because a badly aligned head deviates everywhere.
        """
        stacked = np.stack(others).astype(np.float32)
        known = np.isfinite(stacked).sum(axis=0) > 1
        values, count = stacked[:, known], len(others)
        if mutual:
            middle, scale = robust_scale(values, axis=0)
            variance = scale**2
        else:
            middle, variance = np.nanmean(values, axis=0), np.nanvar(values, axis=0, ddof=1)
        prior = self._settings.prior_heads
        variance = (count * variance + prior * variance.mean()) / (count + prior)
        # The mean of few heads is uncertain, too.
        spread = np.maximum(np.sqrt(variance * (1 + 1 / count)), self._settings.least_spread)
        deviation = np.full(len(one), np.nan, np.float32)
        deviation[known] = np.log1p(np.abs(one[known] - middle) / spread)
        deviation -= np.float32(np.nanmean(deviation))
        return deviation

    def places(self, study: Study, logits: FloatArray) -> SeparableField:
        """Return the logits on the scan's own grid; 0 outside the brain."""
        return to_scan(cast(VolumeStudy, study), logits)


COMPARER = BrainComparer
