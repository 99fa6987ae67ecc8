"""One-sided scans and tables: what is seen, what is kept, and that nothing of them counts as damage."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.datasets.synthesis.shapes import damage_mesh, on_table, one_side
from looktwice.datasets.synthesis.shapes.catalogue import SHAPES

BALL = SHAPES["pebble"](np.random.default_rng(0))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_from_one_side_a_ball_shows_one_half(seed):
    cloud = one_side(np.random.default_rng(seed), BALL, 3000)
    toward = cloud.normals.mean(axis=0)
    assert 2000 < len(cloud.points) < 4500
    assert (cloud.normals @ (toward / np.linalg.norm(toward)) > -0.1).all()
    assert not cloud.labels.any()


def test_damage_is_looked_at():
    dented, _ = damage_mesh(np.random.default_rng(1), BALL, "dent")
    assert all(one_side(np.random.default_rng(seed), dented, 4000).labels.sum() > 10 for seed in range(3))


def test_a_table_is_flat_undamaged_and_below_everything():
    mesh = on_table(np.random.default_rng(3), BALL)
    table = mesh.vertices[len(BALL.vertices) :]
    normal = np.linalg.svd(table - table.mean(axis=0))[2][2]
    height = (mesh.vertices - table.mean(axis=0)) @ normal
    height *= np.sign(height[: len(BALL.vertices)].mean())
    assert np.abs(height[len(BALL.vertices) :]).max() < 1e-9
    assert height[: len(BALL.vertices)].min() == pytest.approx(0, abs=1e-9)
    assert not mesh.damage.any()
