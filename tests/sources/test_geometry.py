"""Geometric evidence of a cloud: contrast, and calibration by sound objects."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.sources.geometry import calibrate_geometry, contrast, score_geometry


def rarity(seed: int, damaged: bool = False) -> np.ndarray:
    values = np.random.default_rng(seed).gamma(20.0, 0.02, 4000).astype(np.float32)
    if damaged:
        values[:60] += 1.0
    return values


def test_damage_raises_contrast_score_and_map():
    calibration = calibrate_geometry([rarity(seed) for seed in range(6)])
    _, sound = score_geometry(rarity(10), calibration)
    values, damaged = score_geometry(rarity(11, damaged=True), calibration)
    assert sound < 0.7 < damaged
    assert values[:60].min() > 0.9
    assert np.median(values) == pytest.approx(0.05, abs=0.02)


def test_points_that_were_not_inspected_stay_at_zero():
    calibration = calibrate_geometry([rarity(0)])
    values = rarity(1)
    values[:10] = 0
    assert (score_geometry(values, calibration)[0][:10] == 0).all()
    assert contrast(np.zeros(5, np.float32)) == 0


def test_contrast_does_not_depend_on_the_unit():
    assert contrast(rarity(3)) == pytest.approx(contrast(1000 * rarity(3)), abs=1e-5)
