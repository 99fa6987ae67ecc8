import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def degrees_between(first, second):
    """Angle of the rotation from one frame to another."""
    cosine = (np.trace(first @ second.T) - 1) / 2
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**16), scale=st.floats(1e-3, 1e3))
def test_axes_turn_with_the_object_whatever_its_scale_and_order(shapes, seed, scale):
    points = shapes.bracket(8000)
    turn = shapes.rotation(seed)
    shuffled = points[np.random.default_rng(seed).permutation(len(points))]
    moved = (shuffled @ turn.T) * np.float32(scale)
    assert degrees_between(shapes.frame(moved).axes @ turn, shapes.frame(points).axes) < 3


def test_axes_do_not_follow_the_sampling_density(shapes):
    points = shapes.bracket(30000)
    dense_end = points[(points[:, 0] > 0.5) | (np.random.default_rng(0).random(len(points)) < 0.2)]
    assert degrees_between(shapes.frame(dense_end).axes, shapes.frame(points).axes) < 6


def test_frame_is_right_handed_and_orthonormal(shapes):
    for seed in range(5):
        axes = shapes.frame(shapes.bracket(4000, seed) @ shapes.rotation(seed).T).axes
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-5)
        assert np.linalg.det(axes) == pytest.approx(1, abs=1e-5)


def cube(count, seed):
    rng = np.random.default_rng(seed)
    points = rng.random((count, 3)) - 0.5
    side = rng.integers(0, 3, count)
    points[np.arange(count), side] = rng.choice([-0.5, 0.5], count)
    return points.astype(np.float32)


def prism(corners, count, seed):
    """The mantle of an upright regular prism, lower than wide."""
    rng = np.random.default_rng(seed)
    corner = np.exp(2j * np.pi * np.arange(corners) / corners)
    side, along = rng.integers(0, corners, count), rng.random(count)
    ring = corner[side] * (1 - along) + corner[(side + 1) % corners] * along
    return np.stack([ring.real, ring.imag, 0.6 * rng.random(count)], axis=1).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_a_cube_is_seen_square_on(shapes, seed):
    turn = shapes.rotation(seed)
    axes = shapes.frame(cube(20000, seed) @ turn.T).axes @ turn
    # Every axis is a face's normal, up to order and sign.
    assert np.abs(axes).max(axis=1).min() > np.cos(np.radians(4))


@pytest.mark.parametrize("corners", [3, 4, 5, 6, 8])
def test_a_prism_is_seen_square_to_a_side(shapes, corners):
    turn = shapes.rotation(corners)
    axes = shapes.frame(prism(corners, 20000, 1) @ turn.T).axes @ turn
    assert abs(axes[2, 2]) > 0.99
    normals = np.exp(2j * np.pi * (np.arange(corners) + 0.5) / corners)
    first = np.array([axes[0, 0] + 1j * axes[0, 1], axes[1, 0] + 1j * axes[1, 1]])
    # One of the two turned axes, or its opposite, is a side's normal.
    assert np.abs((first[:, None] * normals.conj()).real).max() > np.cos(np.radians(4))
