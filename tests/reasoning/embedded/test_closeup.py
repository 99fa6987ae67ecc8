from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from looktwice.reasoning.embedded.closeup import LARGEST, SMALLEST, close_up, cut_close_up


@given(st.integers(8, 60), st.integers(8, 60), st.floats(-10, 80), st.floats(-10, 80), st.floats(0, 2))
def test_a_close_up_is_a_square_inside_the_picture(height, width, x, y, side):
    image = np.arange(height * width * 3, dtype=np.uint32).reshape(height, width, 3).astype(np.uint8)
    cut = cut_close_up(image, x, y, side)
    assert cut.shape[0] == cut.shape[1]
    shorter = min(height, width)
    assert round(SMALLEST * shorter) <= cut.shape[0] <= round(LARGEST * shorter)
    assert np.shares_memory(cut, image)


def test_it_shows_the_peak_of_the_hottest_ninth(context_of):
    maps = np.full((1, 18, 18), 0.05)
    maps[0, 12:17, 1:6] = 0.8
    maps[0, 13, 2] = 1.0
    context = context_of(maps, size=(90, 90))
    cut = close_up(context, 0)
    image = context.views[0].image
    side = len(cut)
    [(top, left)] = [
        (row, column)
        for row in range(91 - side)
        for column in range(91 - side)
        if np.array_equal(image[row : row + side, column : column + side], cut)
    ]
    assert top <= 13.5 / 18 * 90 <= top + side
    assert left <= 2.5 / 18 * 90 <= left + side
