"""Synthetic defects on pictures: what holds for every kind, picture and seed."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.color import gray2rgb

from looktwice.datasets.synthesis.images import KINDS, VISIBLE, synthesize
from looktwice.datasets.synthesis.images.canvas import find_foreground, is_uniform
from looktwice.datasets.synthesis.images.poisson import membrane

COINS = gray2rgb(skimage.data.coins())[:200, :240]
COFFEE = skimage.data.coffee()[100:260, 200:420]
BRICK = gray2rgb(skimage.data.brick())[:128, :128]


def ball(side: int = 128) -> np.ndarray:
    """A bright disc with grain on a plain dark background."""
    row, column = np.mgrid[:side, :side]
    picture = np.full((side, side, 3), 20.0)
    picture[np.hypot(row - side / 2, column - side / 2) < side / 3] = (190, 150, 90)
    picture += np.random.default_rng(0).normal(0, 4, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


PICTURES = {"coins": COINS, "coffee": COFFEE, "brick": BRICK, "ball": ball()}

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(PICTURES)), st.integers(0, 2**32 - 1), st.booleans())
def test_the_mask_marks_what_changed(kind, name, seed, with_donor):
    picture = PICTURES[name]
    before = picture.copy()
    donor = COFFEE if with_donor else None
    painted, mask, _ = synthesize(picture, np.random.default_rng(seed), kind, donor)
    assert painted.dtype == np.uint8
    assert painted.shape == picture.shape
    assert mask.dtype == np.bool_
    assert mask.shape == picture.shape[:2]
    np.testing.assert_array_equal(picture, before)
    change = np.abs(painted.astype(int) - picture).max(axis=2)
    assert (change[~mask] == 0).all()
    # What the mask holds changed visibly, or lies in a gap of two pixels or less between pixels that did.
    visible = change >= VISIBLE
    assert ndimage.binary_dilation(visible, iterations=2)[mask].all()
    assert visible[mask].mean() > 0.3
    assert 0.0003 <= mask.mean() <= 0.2
    assert np.quantile(change[mask], 0.75) >= 10


@relaxed
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_defect(kind, seed):
    first = synthesize(COINS, np.random.default_rng(seed), kind, COFFEE)
    second = synthesize(COINS, np.random.default_rng(seed), kind, COFFEE)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert first[2] == second[2]


@settings(max_examples=25, deadline=None)
@given(st.integers(16, 90), st.integers(16, 90), st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_plain_pictures_of_any_size_take_a_defect(height, width, level, seed):
    picture = np.full((height, width, 3), level, np.uint8)
    painted, mask, kind = synthesize(picture, np.random.default_rng(seed))
    assert kind in KINDS
    assert mask.any()
    assert (painted[mask] != picture[mask]).any()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_paints_what_it_is_called(kind):
    rng = np.random.default_rng(3)
    painted = [synthesize(COFFEE, rng, kind, COINS)[2] for _ in range(10)]
    assert painted.count(kind) >= 9


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_grey_pictures_stay_grey(kind):
    painted, _, _ = synthesize(COINS, np.random.default_rng(1), kind, COFFEE)
    assert np.ptp(painted, axis=2).max() == 0


@pytest.mark.parametrize("kind", ["stain", "scratch", "lesion", "cut_paste", "break_off", "fibre"])
def test_defects_stay_on_the_object(kind):
    picture = ball()
    row, column = np.mgrid[:128, :128]
    disc = np.hypot(row - 64, column - 64) < 128 / 3 + 4
    for seed in range(8):
        _, mask, _ = synthesize(picture, np.random.default_rng(seed), kind, COFFEE)
        assert not (mask & ~disc).any()


def test_sizes_and_contrasts_vary():
    rng = np.random.default_rng(0)
    shares, contrasts = [], []
    for _ in range(150):
        painted, mask, _ = synthesize(COFFEE, rng)
        shares.append(mask.mean())
        contrasts.append(np.abs(painted.astype(int) - COFFEE).max(axis=2)[mask].mean())
    assert np.quantile(shares, 0.9) > 20 * np.quantile(shares, 0.1)
    assert np.quantile(contrasts, 0.9) > 4 * np.quantile(contrasts, 0.1)


def test_the_object_is_found_only_before_a_plain_background():
    found = find_foreground(ball())
    assert 0.25 < found.mean() < 0.45
    assert found[32, 32]
    assert not found[0, 0]
    assert find_foreground(BRICK).all()
    assert find_foreground(COFFEE).all()


def test_a_texture_is_told_from_a_scene():
    gravel = gray2rgb(skimage.data.gravel())[:200, :200]
    assert is_uniform(gravel)
    assert not is_uniform(COFFEE)
    moved = {synthesize(gravel, np.random.default_rng(seed))[2] for seed in range(60)}
    assert len(moved) > 8
    assert not moved & {"cut_paste", "duplicate", "deform", "dislocate", "seamless", "scar"}


def test_membrane_fills_a_hole_in_a_ramp_with_the_ramp():
    ramp = np.repeat(np.arange(40, dtype=np.float32)[None, :, None], 30, axis=0).repeat(3, axis=2)
    broken = ramp.copy()
    hole = np.zeros((30, 40), bool)
    hole[10:20, 15:25] = True
    broken[hole] = 200
    filled = membrane(broken, ndimage.binary_dilation(hole, iterations=2))
    assert np.abs(filled - ramp)[hole].max() < 8
    np.testing.assert_array_equal(filled[0], broken[0])


@pytest.mark.parametrize(
    "picture",
    [np.zeros((8, 8, 3), np.uint8), np.zeros((32, 32), np.uint8), np.zeros((32, 32, 3), np.float32)],
)
def test_unfit_pictures_are_refused(picture):
    with pytest.raises(ValueError, match="uint8 picture"):
        synthesize(picture, np.random.default_rng(0))


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="unknown kind 'dragon'"):
        synthesize(COINS, np.random.default_rng(0), "dragon")
