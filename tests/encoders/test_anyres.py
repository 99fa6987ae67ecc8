"""AnyRes tiling: which grid, which pixels, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.encoders.anyres import LONGEST_SIDE, MAX_GRID, best_grid, tile


@pytest.mark.parametrize(
    ("width", "height", "grid"),
    [
        (384, 384, (1, 1)),
        (200, 100, (1, 1)),  # the smallest canvas that keeps every pixel
        (768, 384, (1, 2)),
        (384, 768, (2, 1)),
        (768, 768, (2, 2)),
        (1024, 1024, (3, 3)),
        (1024, 300, (1, 3)),
    ],
)
def test_the_grid_keeps_the_pixels_and_wastes_the_least(width, height, grid):
    assert best_grid(width, height, 384) == grid


@given(
    width=st.integers(1, LONGEST_SIDE),
    height=st.integers(1, LONGEST_SIDE),
    side=st.sampled_from([64, 224, 384]),
    most=st.integers(1, 9),
)
@settings(max_examples=60, deadline=None)
def test_the_grid_never_exceeds_its_bounds(width, height, side, most):
    rows, columns = best_grid(width, height, side, most)
    assert 1 <= rows <= MAX_GRID
    assert 1 <= columns <= MAX_GRID
    assert rows * columns <= most


def test_a_picture_of_two_tiles_is_cut_without_any_loss():
    image = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
    tiling = tile(image, 64)
    assert tiling.grid == (1, 2)
    assert tiling.content == (0.0, 0.0, 1.0, 1.0)
    whole, left, right = tiling.crops
    assert np.array_equal(whole, image)
    assert np.array_equal(left, image[:, :64])
    assert np.array_equal(right, image[:, 64:])


def test_tiles_come_row_by_row_and_the_picture_is_centred_on_the_canvas():
    image = np.full((100, 60, 3), 255, np.uint8)
    tiling = tile(image, 64)
    assert tiling.grid == (2, 1)
    assert all(crop.shape == (64, 64, 3) for crop in tiling.crops[1:])
    canvas = np.concatenate(tiling.crops[1:])
    top, left, bottom, right = tiling.content
    filled = np.argwhere(canvas.min(axis=2) == 255)
    assert filled.min(axis=0).tolist() == [round(top * 128), round(left * 64)]
    assert (filled.max(axis=0) + 1).tolist() == [round(bottom * 128), round(right * 64)]
    assert top == pytest.approx(1 - bottom, abs=0.01)
    assert left == pytest.approx(1 - right, abs=0.02)


@pytest.mark.parametrize("most", [1, 9])
def test_a_small_picture_or_no_tiles_asked_for_is_left_whole(most):
    image = np.zeros((40, 50, 3) if most > 1 else (400, 300, 3), np.uint8)
    tiling = tile(image, 64, most)
    assert tiling.grid == (1, 1)
    (whole,) = tiling.crops
    assert np.array_equal(whole, image)


def test_a_large_picture_is_reduced_first():
    whole = tile(np.zeros((300, 3 * LONGEST_SIDE, 3), np.uint8), 224).crops[0]
    assert whole.shape == (100, LONGEST_SIDE, 3)


@pytest.mark.parametrize("shape", [(1, 3000), (3000, 1), (1, 1), (2, 700)])
def test_pictures_as_thin_as_a_line_are_tiled_too(shape):
    tiling = tile(np.full((*shape, 3), 200, np.uint8), 64)
    rows, columns = tiling.grid
    assert len(tiling.crops) == 1 + (rows * columns if rows * columns > 1 else 0)
