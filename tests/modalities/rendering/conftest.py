"""Shapes whose geometry is known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.modalities.rendering.frame import principal_frame
from looktwice.modalities.rendering.renderer import Surface
from looktwice.modalities.rendering.spacing import local_spacing


def ball(count: int, radius: float = 1.0) -> np.ndarray:
    """Fibonacci's lattice on a ball: evenly spread, known normals."""
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    z = 1 - (2 * np.arange(count) + 1) / count
    ring = np.sqrt(1 - z * z)
    return (radius * np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)).astype(np.float32)


def slab(width: float, height: float, count: int, seed: int = 0) -> np.ndarray:
    """Random points on a rectangle in the plane z = 0."""
    x, y = np.random.default_rng(seed).random((2, count)) - 0.5
    return np.stack([x * width, y * height, np.zeros(count)], axis=1).astype(np.float32)


def bracket(count: int, seed: int = 0) -> np.ndarray:
    """An L-shaped bracket with a boss: no symmetry, so that its frame has no choice."""
    rng = np.random.default_rng(seed)
    base = slab(3.0, 1.8, count // 2, seed) + np.float32((0, 0, -0.2))
    wall = slab(0.9, 1.8, count // 3, seed + 1)[:, [2, 1, 0]] + np.float32((-1.5, 0, 0.25))
    boss = ball(count - len(base) - len(wall), 0.35) + np.float32((0.8, 0.25, -0.1))
    points = np.concatenate([base, wall, boss]).astype(np.float32)
    return points[rng.permutation(len(points))]


def as_surface(points: np.ndarray) -> Surface:
    points = np.ascontiguousarray(points, np.float32)
    return Surface(points, local_spacing(points))


def frame_of(points: np.ndarray):
    surface = as_surface(points)
    return principal_frame(surface.points, surface.spacing)


def rotation(seed: int) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    return Rotation.random(random_state=seed).as_matrix().astype(np.float32)


@pytest.fixture(scope="session")
def shapes():
    """The makers above, as one object."""
    from types import SimpleNamespace

    return SimpleNamespace(ball=ball, slab=slab, bracket=bracket, surface=as_surface, frame=frame_of, rotation=rotation)
