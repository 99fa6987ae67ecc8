from __future__ import annotations

import numpy as np
import pytest

from looktwice.evaluation.regions import label_grid, label_points


def test_corners_touch_in_two_and_three_dimensions():
    flat = np.zeros((6, 6), bool)
    flat[1, 1] = flat[2, 2] = flat[5, 5] = True
    labels, count = label_grid(flat)
    assert count == 2
    assert labels[1, 1] == labels[2, 2] != labels[5, 5]
    solid = np.zeros((4, 4, 4), bool)
    solid[0, 0, 0] = solid[1, 1, 1] = solid[3, 3, 3] = True
    assert label_grid(solid)[1] == 2
    assert label_grid(np.zeros((3, 3), bool))[1] == 0


def clusters(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """A plane of points 1 apart, with two anomalous patches 10 apart."""
    points = np.stack(np.meshgrid(np.arange(30.0), np.arange(10.0), [0.0]), -1).reshape(-1, 3)
    mask = ((points[:, 0] < 4) | (points[:, 0] > 14)) & (points[:, 0] < 18)
    return points * scale, mask


@pytest.mark.parametrize("scale", [1.0, 1e-3, 500.0])
def test_points_are_joined_by_distance_whatever_the_unit(scale):
    points, mask = clusters(scale)
    labels, count = label_points(mask, points)
    assert count == 2
    assert len(set(labels[points[:, 0] < 4 * scale])) == 1
    np.testing.assert_array_equal(labels > 0, mask)


def test_without_coordinates_all_points_are_one_region():
    mask = np.array([True, False, True])
    assert label_points(mask, None)[1] == 1
    assert label_points(np.zeros(3, bool), None)[1] == 0
    assert label_points(np.array([True, False]), np.zeros((2, 3)))[1] == 1
