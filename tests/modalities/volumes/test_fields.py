from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.modalities.volumes.fields import SeparableField, interpolation


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40),
    st.lists(st.floats(-10, 50), min_size=1, max_size=12, unique_by=lambda value: round(value, 3)),
    st.floats(0, 4),
    st.booleans(),
)
def test_weights_keep_constants_and_range(count, positions, sigma, descending):
    ordered = np.sort(positions)[:: -1 if descending else 1]
    weights = interpolation(count, ordered, sigma)

    assert weights.shape == (count, len(ordered))
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


def test_straight_lines_are_kept_between_the_samples():
    positions = np.array([1.5, 4.0, 9.5])
    np.testing.assert_allclose((interpolation(12, positions) @ positions)[2:10], np.arange(2, 10), atol=1e-6)
    np.testing.assert_allclose(
        interpolation(12, positions), interpolation(12, positions[::-1])[:, ::-1], err_msg="order does not matter"
    )


def test_a_box_is_a_part_of_the_whole():
    rng = np.random.default_rng(0)
    shape = (10, 12, 9)
    axes = (2, 0, 1)
    samples = rng.random((3, 4, 5)).astype(np.float32)
    weights = [
        interpolation(shape[axis], np.sort(rng.choice(shape[axis], size, replace=False)), 1.0)
        for axis, size in zip(axes, samples.shape, strict=True)
    ]
    field = SeparableField(samples, axes, tuple(weights))

    whole = field[:, :, :]

    assert whole.shape == shape
    np.testing.assert_allclose(field[2:5, 3:11:2, 4:5], whole[2:5, 3:11:2, 4:5], atol=1e-6)
    expected = np.einsum("abc,ka,ib,jc->ijk", samples, *weights)
    np.testing.assert_allclose(whole, expected, atol=1e-5)
