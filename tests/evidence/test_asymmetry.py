"""Asymmetry of heads: a small strong difference raises the score, ordinary asymmetry does not."""

from __future__ import annotations

import numpy as np

from looktwice.evidence.asymmetry import calibrate_by, worst


def asymmetry(seed: int, lesion: bool = False) -> np.ndarray:
    maps = np.random.default_rng(seed).beta(1, 12, (40, 18, 18)).astype(np.float32)
    if lesion:
        maps[10:12, 4:8, 4:8] = 0.95
    return maps


def test_a_lesion_raises_the_score_and_healthy_heads_stay_below():
    calibration = calibrate_by([asymmetry(seed) for seed in range(5)])
    assert calibration.score(worst(asymmetry(20))) < 0.6
    assert calibration.score(worst(asymmetry(21, lesion=True))) > 0.9


def test_extremes_are_finite():
    calibration = calibrate_by([np.zeros((2, 4, 4), np.float32)])
    assert 0 < calibration.score(worst(np.ones((2, 4, 4), np.float32))) <= 1
