"""A cloud's geometric evidence, calibrated to stand beside what its views show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looktwice.encoders.calibration import Calibration

# An object is suspicious when its rarest part is much rarer than what is already rare on it.
RAREST, RARE = 0.995, 0.9
# Sound objects differ much in how rare their own shapes are; only a share of them may raise a false alarm.
STUDY_FALSE_ALARMS = 0.1
# The median point of sound objects comes to this logit: 0.05 on the map.
NORMAL_LOGIT = -3.0
# The score's logit grows by one when the contrast grows by so much (a natural logarithm).
CONTRAST_STEP = 0.15

FloatArray = npt.NDArray[np.float32]


def contrast(rarity: FloatArray) -> float:
    """Logarithm of how much rarer the rarest part of an object is than what is already rare on it."""
    inspected = rarity[rarity > 0]
    if not len(inspected):
        return 0.0
    rarest, rare = np.quantile(inspected, (RAREST, RARE))
    return float(np.log(rarest / rare))


def calibrate_geometry(rarities: list[FloatArray]) -> Calibration:
    """Calibrate by sound objects, given the rarity of each point of each of them."""
    inspected = [rarity[rarity > 0] for rarity in rarities]
    shift = float(np.median([np.quantile(rarity, RAREST) for rarity in inspected]))
    median = float(np.median([np.median(rarity) for rarity in inspected]))
    return Calibration(
        score_shift=float(np.quantile([contrast(rarity) for rarity in rarities], 1 - STUDY_FALSE_ALARMS)),
        score_scale=CONTRAST_STEP,
        map_shift=shift,
        map_scale=(median - shift) / NORMAL_LOGIT,
    )


def score_geometry(rarity: FloatArray, calibration: Calibration) -> tuple[FloatArray, float]:
    """Return probabilities (P,), 0 for points that were not inspected, and the object's score in [0, 1]."""
    logits = (rarity - calibration.map_shift) / calibration.map_scale
    probabilities = np.where(rarity > 0, _sigmoid(logits), 0).astype(np.float32)
    return probabilities, float(_sigmoid((contrast(rarity) - calibration.score_shift) / calibration.score_scale))


def _sigmoid(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -50, 50))), np.float64)
