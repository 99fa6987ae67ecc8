import numpy as np
import pytest

from looktwice.modalities.rendering.splatting import MAX_RADIUS, close_surface, splat_radius
from looktwice.modalities.rendering.zbuffer import EMPTY, depth_of, index_of, pack


def picture_of(columns, rows, depths, size=64):
    keys = np.full((size, size), EMPTY)
    np.minimum.at(keys, (rows, columns), pack(np.asarray(depths, np.float32), np.arange(len(columns))))
    return keys


def random_square(spacing, low, high, depth, seed=0):
    count = int(((high - low) / spacing) ** 2)
    columns, rows = np.random.default_rng(seed).integers(low, high, (2, count))
    return columns, rows, np.full(count, float(depth))


@pytest.mark.parametrize("spacing", [1.0, 2.0, 3.5, 5.0])
def test_gaps_close_and_the_outline_stays(spacing):
    columns, rows, depths = random_square(spacing, 16, 48, 5)
    closed = close_surface(picture_of(columns, rows, depths), np.full(len(columns), spacing / 7, np.float32), 7.0)
    shown = closed != EMPTY
    inner = int(np.ceil(1.5 * spacing))
    assert shown[16 + inner : 48 - inner, 16 + inner : 48 - inner].mean() > 0.995
    outside = shown.copy()
    outside[16:48, 16:48] = False
    assert not outside.any()


def test_what_lies_behind_does_not_shine_through():
    front = random_square(2.5, 16, 48, 5)
    back = random_square(1.0, 0, 64, 50, seed=1)
    columns, rows, depths = (np.concatenate(pair) for pair in zip(front, back, strict=True))
    spacing = np.repeat(np.float32((2.5, 1.0)), (len(front[0]), len(back[0])))
    depth = depth_of(close_surface(picture_of(columns, rows, depths), spacing, 1.0))
    assert (depth[22:42, 22:42] == 5).mean() > 0.99
    # ... and the front does not grow over the back.
    assert (depth[:14] == 50).all()
    assert (depth[:, 51:] == 50).all()


def test_points_stay_in_their_own_pixels():
    columns, rows = np.array([10, 40]), np.array([12, 40])
    keys = picture_of(columns, rows, [3, 4])
    closed = close_surface(keys, np.array([3, 0.1], np.float32), 1.0)
    assert index_of(closed)[12, 10] == 0
    assert index_of(closed)[40, 40] == 1


def test_radius_is_bounded_and_grows_with_spacing():
    radius = splat_radius(np.array([0.1, 0.8, 3, 1000], np.float32))
    assert radius.tolist() == sorted(radius.tolist())
    assert radius[0] == 0
    assert radius[-1] == MAX_RADIUS


def test_nothing_stays_nothing():
    empty = np.full((16, 16), EMPTY)
    assert (close_surface(empty, np.array([3], np.float32), 1.0) == EMPTY).all()
