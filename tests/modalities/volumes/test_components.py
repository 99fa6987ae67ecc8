from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from looktwice.modalities.volumes.components import find_components


def slabs(values: np.ndarray, thickness: int):
    for start in range(0, values.shape[2], thickness):
        yield (0, 0, start), values[:, :, start : start + thickness]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.floats(0.3, 0.9))
def test_slabs_give_the_components_of_the_whole(seed, thickness, threshold):
    values = np.random.default_rng(seed).random((5, 6, 9)).astype(np.float32)
    labels, count = ndimage.label(values >= threshold)

    found = find_components(slabs(values, thickness), threshold)

    assert len(found) == count
    for component in found:
        inside = labels == labels[component.peak]
        at = np.argwhere(inside)
        assert component.score == values[inside].max() == values[component.peak]
        assert component.voxels == len(at)
        np.testing.assert_allclose(component.centroid, at.mean(axis=0))
        np.testing.assert_array_equal(component.low, at.min(axis=0))
        np.testing.assert_array_equal(component.high, at.max(axis=0) + 1)


def test_nothing_above_the_threshold():
    assert find_components(slabs(np.zeros((3, 3, 3), np.float32), 2), 0.5) == []


@pytest.mark.parametrize("empty_from", [1, 2])
def test_an_empty_slab_parts_components(empty_from):
    values = np.ones((2, 2, 4), np.float32)
    values[:, :, empty_from] = 0
    assert len(find_components(slabs(values, 1), 0.5)) == 2
