import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from looktwice.modalities.rendering.zbuffer import EMPTY, depth_of, gather, index_of, pack, pixel_of

depths = hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(1, 2**20, width=32))


@given(depths)
def test_keys_order_like_depths_and_give_them_back(depth):
    index = np.arange(len(depth)) + 2**31
    keys = pack(depth, index)
    np.testing.assert_array_equal(depth_of(keys), depth)
    np.testing.assert_array_equal(index_of(keys), index)
    np.testing.assert_array_equal(depth[np.argsort(keys, kind="stable")], np.sort(depth))


def test_ties_go_to_the_lower_index():
    keys = pack(np.array([5, 5], np.float32), np.array([7, 3]))
    assert index_of(keys[keys == keys.min()])[0] == 3


def test_empty_pixels():
    keys = np.array([EMPTY, *pack(np.array([2.0], np.float32), np.array([1]))])
    assert depth_of(keys).tolist() == [np.inf, 2.0]
    assert index_of(keys).tolist() == [-1, 1]
    assert gather(np.array([4, 9]), keys).tolist() == [0, 9]


def test_positions_round_to_pixels_and_nan_is_outside():
    pixel, inside = pixel_of(np.array([0.4, 2.6, np.nan, -0.6]), np.array([0.0, 1.2, 1.0, 1.0]), 4)
    assert pixel.tolist() == [0, 7, 0, 0]
    assert inside.tolist() == [True, True, False, False]
