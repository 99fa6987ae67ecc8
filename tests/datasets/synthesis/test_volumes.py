"""Synthetic lesions: where they lie, what they change, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from looktwice.datasets.synthesis.volumes import KINDS, Anatomy, find_tissue, synthesize_volume, vary_scan

SPACING = (3.0, 3.0, 3.5)
STILL = sorted(set(KINDS) - {"mass", "ring", "bleed"})
"""Kinds that push nothing aside."""


def ball(shape, centre, radius) -> np.ndarray:
    grid = np.indices(shape).astype(float)
    offsets = [(grid[axis] - centre[axis]) * SPACING[axis] for axis in range(3)]
    return np.sqrt(sum(offset**2 for offset in offsets)) < radius


def head(ct: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A head of balls: skin, skull, brain with two kinds of tissue; and where the brain is."""
    rng = np.random.default_rng(0)
    shape = (64, 64, 56)
    middle = (32, 32, 28)
    skin, skull, brain = (ball(shape, middle, radius) for radius in (88, 80, 70))
    white = ball(shape, middle, 50)
    values = (-1000, 60, 1100, 38, 30) if ct else (0, 160, 15, 80, 110)
    volume = np.full(shape, values[0], np.float32)
    for mask, value in zip((skin, skull, brain, white), values[1:], strict=True):
        volume[mask] = value
    noise = rng.normal(0, 3, shape).astype(np.float32)
    return np.where(skin, volume + noise, volume).astype(np.float32), brain


VOLUME, BRAIN = head()
ANATOMY = Anatomy.of(VOLUME, SPACING, BRAIN)


@pytest.mark.parametrize("ct", [False, True])
def test_the_brain_is_found_inside_skull_and_skin(ct):
    volume, brain = head(ct)
    found = find_tissue(volume, SPACING)
    assert (found & brain).sum() > 0.85 * brain.sum()
    assert (found & ~ndimage.binary_dilation(brain, iterations=2)).sum() < 0.02 * brain.sum()


def test_a_stripped_brain_is_tissue_throughout():
    volume = np.where(BRAIN, VOLUME, 0).astype(np.float32)
    found = find_tissue(volume, SPACING)
    assert (found == BRAIN).mean() > 0.98


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 2**32 - 1))
def test_lesions_lie_in_the_tissue_and_show(kind, seed):
    volume, mask, name = synthesize_volume(np.random.default_rng(seed), ANATOMY, kind)
    assert name == kind
    assert volume.shape == mask.shape == VOLUME.shape
    assert volume.dtype == np.float32
    assert mask.dtype == np.bool_
    assert mask.sum() >= 8
    assert not (mask & ~BRAIN).any()
    assert np.isfinite(volume).all()
    change = np.abs(volume - VOLUME)
    assert change[mask].mean() > 0.25 * ANATOMY.spread
    np.testing.assert_array_equal(volume[~BRAIN], VOLUME[~BRAIN])


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(STILL), st.integers(0, 2**32 - 1))
def test_without_mass_effect_the_mask_marks_what_changed(kind, seed):
    volume, mask, _ = synthesize_volume(np.random.default_rng(seed), ANATOMY, kind)
    assert np.abs(volume - VOLUME)[~mask].max() <= 0.301 * ANATOMY.spread


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_lesion(kind, seed):
    first = synthesize_volume(np.random.default_rng(seed), ANATOMY, kind)
    second = synthesize_volume(np.random.default_rng(seed), ANATOMY, kind)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_mass_effect_moves_a_boundary_outwards():
    # A sheet beside the lesion is pushed away from it.
    volume, _ = head()
    sheet = np.zeros(volume.shape, bool)
    sheet[44:46] = True
    volume[sheet & BRAIN] = 250
    anatomy = Anatomy.of(volume, SPACING, BRAIN)
    shape = ball(volume.shape, (36, 32, 28), 15)
    moved = []
    for seed in range(6):
        painted, mask, _ = synthesize_volume(np.random.default_rng(seed), anatomy, "ring", shape)
        column = painted[40:52, 32, 28] * ~mask[40:52, 32, 28]
        if (column > 180).any() and mask[32:40].any():
            moved.append(np.average(np.arange(40, 52), weights=np.clip(column - 150, 0, None)))
    assert moved
    assert np.mean(moved) > 44.55


def test_real_shapes_keep_place_and_size():
    shape = ball(VOLUME.shape, (24, 30, 28), 16)
    for seed in range(5):
        _, mask, _ = synthesize_volume(np.random.default_rng(seed), ANATOMY, "bright", shape)
        assert 0.4 < mask.sum() / shape.sum() < 2.2
        centre = np.array(ndimage.center_of_mass(mask))
        # Left and right may change sides.
        assert min(abs(centre[0] - 24), abs(centre[0] - 39)) < 5
        assert np.abs(centre[1:] - (30, 28)).max() < 5


def test_bright_is_brighter_and_dark_is_darker():
    for seed in range(6):
        for kind, sign in (("bright", 1), ("dark", -1)):
            volume, mask, _ = synthesize_volume(np.random.default_rng(seed), ANATOMY, kind)
            assert sign * float((volume - VOLUME)[mask].mean()) > 0


def test_a_varied_scan_is_another_one_of_the_same_kind():
    varied = vary_scan(np.random.default_rng(0), ANATOMY)
    assert varied.volume.shape == VOLUME.shape
    assert np.abs(varied.volume - VOLUME).mean() > 2
    overlap = (varied.tissue & BRAIN).sum() / (varied.tissue | BRAIN).sum()
    assert 0.8 < overlap < 1
    assert varied.median == pytest.approx(ANATOMY.median, rel=0.3)
    again = vary_scan(np.random.default_rng(0), ANATOMY)
    np.testing.assert_array_equal(varied.volume, again.volume)


def test_ct_keeps_its_units():
    volume, brain = head(ct=True)
    varied = vary_scan(np.random.default_rng(0), Anatomy.of(volume, SPACING, brain))
    assert varied.median == pytest.approx(34, abs=8)
    assert np.median(varied.volume[:3]) == pytest.approx(-1000, abs=60)


def test_unfit_input_is_refused():
    with pytest.raises(ValueError, match="unknown kind"):
        synthesize_volume(np.random.default_rng(0), ANATOMY, "fracture")
    with pytest.raises(ValueError, match="empty"):
        synthesize_volume(np.random.default_rng(0), ANATOMY, "bright", np.zeros(VOLUME.shape, bool))
    with pytest.raises(ValueError, match="tissue"):
        Anatomy.of(np.zeros((10, 10, 10), np.float32), (1, 1, 1))
