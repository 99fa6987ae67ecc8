"""A head's asymmetry across the mid-sagittal plane, calibrated to stand beside the other evidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looktwice.encoders.calibration import Calibration

# A finding fills a small part of a head: the score is that of its most asymmetric thousandth.
WORST_SHARE = 0.001
# Healthy heads are never quite symmetric; only a share of them may raise a false alarm.
STUDY_FALSE_ALARMS = 0.1
# The score's logit grows by one when the worst thousandth's does by so much.
STEP = 0.5

FloatArray = npt.NDArray[np.float32]


def calibrate_mirror(heads: list[FloatArray]) -> Calibration:
    """Calibrate the score by the asymmetry maps (V, h, w) of normal heads; the maps are calibrated by themselves."""
    shift = float(np.quantile([_worst(maps) for maps in heads], 1 - STUDY_FALSE_ALARMS))
    return Calibration(score_shift=shift, score_scale=STEP)


def score_mirror(maps: FloatArray, calibration: Calibration) -> float:
    """Return a head's score in [0, 1] from its asymmetry maps (V, h, w)."""
    return float(1 / (1 + np.exp(-(_worst(maps) - calibration.score_shift) / calibration.score_scale)))


def _worst(maps: FloatArray) -> float:
    worst = np.clip(np.quantile(maps, 1 - WORST_SHARE), 1e-3, 1 - 1e-3)
    return float(np.log(worst / (1 - worst)))
