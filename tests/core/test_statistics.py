"""Robust statistics."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.core.statistics import robust_scale


def test_of_normally_distributed_values_the_scale_is_their_standard_deviation():
    values = np.random.default_rng(0).normal(5, 2, 20_000)
    median, scale = robust_scale(values)
    assert (median, scale) == (pytest.approx(5, abs=0.05), pytest.approx(2, abs=0.05))


def test_what_was_not_measured_does_not_count_and_a_few_odd_values_move_nothing():
    columns = np.array([[1.0, 2], [2, 2], [3, np.nan], [4, 2], [1000, 2]])
    median, scale = robust_scale(columns, axis=0)
    assert median.tolist() == [3, 2]
    assert scale.tolist() == [1.4826, 0]
