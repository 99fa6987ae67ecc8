"""A site's calibration: the threshold means the chosen rate, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from looktwice.core.calibration import Calibration, logit
from looktwice.core.errors import InputError
from looktwice.evidence.config import ExpertConfig
from looktwice.training.site import site_config


def config() -> ExpertConfig:
    calibration = {"image": Calibration(score_shift=1.0, score_scale=2.0, map_shift=3.0), "volume": Calibration()}
    return ExpertConfig("pixels", {}, 8, (1,), calibration=calibration)


@given(st.integers(20, 300), st.sampled_from([0.05, 0.1, 0.3]), st.integers(0, 10))
def test_no_more_than_the_share_of_the_sites_own_normals_stays_above(count, rate, seed):
    raw = np.random.default_rng(seed).normal(size=count)
    before = config()
    after = site_config(before, [before.calibration["image"].score(one) for one in raw], {"image"}, rate)
    above = np.mean([after.calibration["image"].score(one) > after.threshold + 1e-9 for one in raw])
    assert above <= rate
    assert above >= rate - 2 / count - 0.5 / count


def test_maps_order_and_other_kinds_stay():
    before = config()
    after = site_config(before, expit(np.linspace(-2, 2, 50)), {"image"}, 0.1)
    assert after.calibration["volume"] == before.calibration["volume"]
    assert after.calibration["image"].map_shift == 3.0
    shifts = [logit(before.calibration["image"].score(x)) - logit(after.calibration["image"].score(x)) for x in (-1, 2)]
    assert shifts[0] == pytest.approx(shifts[1])


def test_scores_that_are_all_but_certain_are_still_told_apart():
    before = Calibration(score_shift=-20.0)
    scores = [before.score(raw) for raw in np.linspace(-9, 9, 99)]
    after = site_config(replace(config(), calibration={"image": before}), scores, {"image"}, 0.1)
    above = np.mean([after.calibration["image"].score(raw) > 0.5 + 1e-6 for raw in np.linspace(-9, 9, 99)])
    assert above == pytest.approx(0.1, abs=0.011)


def test_a_score_of_one_or_of_nothing_gives_a_finite_shift():
    for score in (0.0, 1.0):
        after = site_config(config(), [score] * 20, {"image"}, 0.1)
        assert np.isfinite(after.calibration["image"].score_shift)


def test_too_few_normals_are_an_error():
    with pytest.raises(InputError, match="at least 5"):
        site_config(config(), [0.5] * 4, {"image"}, 0.05)


def test_ten_normals_keep_the_stated_rate_on_average():
    """Over many sites of ten normals each; with as many inputs to test as would show twice the rate."""
    rng, before = np.random.default_rng(0), config()
    above = []
    for _ in range(300):
        seen, new = rng.normal(2.0, 1.5, 10), rng.normal(2.0, 1.5, 20)
        after = site_config(before, [before.calibration["image"].score(one) for one in seen], {"image"}, 0.05)
        above += [after.calibration["image"].score(one) > after.threshold for one in new]
    assert 0.035 <= np.mean(above) <= 0.065


def test_a_comparison_that_was_not_calibrated_before_is_shifted_too():
    after = site_config(config(), [0.9] * 30, {"references"}, 0.1)
    assert after.calibration["references"].score_shift == pytest.approx(logit(0.9), abs=1e-6)
    assert after.calibration["image"] == config().calibration["image"]
