"""What is usual of few normal inputs keeps its promise for new ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looktwice.core.usual import Usual


@pytest.mark.parametrize("count", [3, 8, 30])
@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_the_stated_share_of_normal_inputs_is_above_nought(count, rate):
    rng = np.random.default_rng(count)
    above = []
    for _ in range(1000):
        middle, spread = rng.normal(0, 5), rng.uniform(0.1, 3)
        usual = Usual.of(rng.normal(middle, spread, count), false_alarms=rate)
        above += [usual.logit(value) > 0 for value in rng.normal(middle, spread, 5)]
    assert np.mean(above) == pytest.approx(rate, abs=0.25 * rate)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=20), st.floats(-100, 100), st.floats(0.01, 30))
def test_a_higher_value_is_never_less_anomalous(values, value, more):
    usual = Usual.of(values, prior_spread=1.0, prior_freedom=4.0)
    assert usual.logit(value + more) > usual.logit(value)
    assert usual.p_normal(value + more) <= usual.p_normal(value)
    assert usual.logit(usual.middle) == pytest.approx(-3.0)
    assert usual.p_normal(usual.limit) == pytest.approx(0.05, abs=1e-6)


def test_what_is_known_of_other_materials_tames_a_chance_agreement():
    alike = [1.0, 1.0001, 1.0002]
    assert Usual.of(alike).limit < 1.01
    assert Usual.of(alike, prior_spread=1.0, prior_freedom=4.0).limit > 2.0


def test_anomalous_members_hardly_move_what_is_usual_of_a_cohort():
    rng = np.random.default_rng(0)
    normal = rng.normal(0, 1, 40)
    mixed = np.concatenate([normal, rng.normal(12, 1, 12)])
    clean, dirty = (Usual.among(values, 0.03) for values in (normal, mixed))
    assert dirty.limit - clean.limit < 1.2
    assert dirty.logit(12.0) > 0
