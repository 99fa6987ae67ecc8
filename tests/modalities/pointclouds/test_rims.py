"""Rims of what was seen: open ends are told from edges, and one-sided scans from whole ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.study import CloudStudy


def box(count: int, seed: int = 0) -> np.ndarray:
    """Points on the six faces of a box, which has edges and corners but no rim."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (count, 3))
    axis = rng.integers(3, size=count)
    points[np.arange(count), axis] = np.sign(points[np.arange(count), axis])
    return (points * (1.0, 0.7, 0.5)).astype(np.float32)


def study(points: np.ndarray) -> CloudStudy:
    return CloudStudy(Cloud(points.astype(np.float32)), Path("made.ply"))


def test_a_box_has_edges_and_corners_but_no_rim():
    surfels, features = study(box(20_000)).shape
    assert surfels.toward is None
    assert (features["rim"] > 0).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_half_ball_is_seen_from_its_round_side_whatever_its_pose(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(60_000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    turn = Rotation.random(random_state=seed).as_matrix()
    surfels, features = study(points[points[:, 2] > 0.1] @ turn.T).shape
    assert surfels.toward is not None
    assert surfels.toward @ turn[:, 2] > 0.9
    at_rim = features["rim"] == 0
    height = (surfels.points @ turn[:, 2])[at_rim]
    assert 0.01 < at_rim.mean() < 0.2
    assert np.ptp(height) < 0.25, "the rim is one line"


def test_a_hole_does_not_make_a_whole_part_one_sided():
    points = box(20_000)
    surfels, features = study(points[np.linalg.norm(points - (0, 0, 0.5), axis=1) > 0.2]).shape
    assert surfels.toward is None
    near = np.linalg.norm(surfels.points * study(points).radius - (0, 0, 0.5), axis=1)
    assert np.median(near[features["rim"] == 0]) == pytest.approx(0.2, abs=0.08)
