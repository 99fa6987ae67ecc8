"""Perlin noise: smooth, of unit variance, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.datasets.synthesis.noise import perlin, slow_field


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=3),
    st.floats(1.5, 50),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
)
def test_any_shape_and_cell(shape, cell, octaves, seed):
    field = perlin(np.random.default_rng(seed), tuple(shape), cell, octaves)
    assert field.shape == tuple(shape)
    assert field.dtype == np.float32
    assert np.isfinite(field).all()
    again = perlin(np.random.default_rng(seed), tuple(shape), cell, octaves)
    np.testing.assert_array_equal(field, again)


def test_unit_variance_and_zero_mean():
    field = perlin(np.random.default_rng(0), (120, 130), 12, 3)
    assert abs(field.mean()) < 1e-4
    assert field.std() == pytest.approx(1, abs=1e-4)


def test_gradient_noise_vanishes_at_the_lattice_and_is_smooth_between():
    class Still:
        """A generator that puts the lattice on the first pixel."""

        def __init__(self) -> None:
            self._real = np.random.default_rng(1)

        def uniform(self, low, high):
            return low

        def standard_normal(self, *args, **kwargs):
            return self._real.standard_normal(*args, **kwargs)

    field = perlin(Still(), (128, 128), 16)
    lattice = field[::16, ::16]
    assert np.ptp(lattice) < 1e-4
    assert np.abs(np.diff(field, axis=0)).max() < 0.6


@pytest.mark.parametrize("shape", [(50, 60), (20, 30, 25)])
def test_slow_fields_follow_a_large_cell(shape):
    field = slow_field(np.random.default_rng(0), shape, 40)
    assert field.shape == shape
    steps = [np.abs(np.diff(field, axis=axis)).max() for axis in range(len(shape))]
    assert max(steps) < 0.4
