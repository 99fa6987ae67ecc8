"""What is known of each surface element: true on analytic shapes, finite on any."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.modalities.pointclouds.neighbourhoods import describe_neighbourhoods
from looktwice.modalities.pointclouds.rarity import rarity
from looktwice.modalities.pointclouds.surfels import surface_elements


def test_a_ball_is_curved_alike_everywhere_and_has_no_rim(make):
    study = make.study(make.ball(20_000))
    surfels = surface_elements(study.surface, study.frame, study.renderings, 4000)
    features = describe_neighbourhoods(study.surface.points, surfels)
    reach = surfels.side * np.sqrt(48 / np.pi)
    radius = 1 / np.sqrt(3)  # in units of half the box's diagonal
    # A ball bends away from the outward normal: height = -distance**2 / (2 radius).
    assert np.median(features["mean48"]) == pytest.approx(-reach / radius, rel=0.1)
    assert np.median(features["edge48"]) < 0.1
    assert features["bump48"].std() < 0.05


def test_a_rim_is_told_by_its_neighbourhood(make):
    points = np.random.default_rng(0).random((20_000, 3)) * (1, 1, 0)
    study = make.study(points.astype(np.float32))
    surfels = surface_elements(study.surface, study.frame, study.renderings, 4000)
    features = describe_neighbourhoods(study.surface.points, surfels)
    middle = surfels.points - surfels.points.mean(axis=0)
    inner = np.abs(middle[:, :2]).max(axis=1) < 0.5 * np.abs(middle[:, :2]).max()
    outer = np.abs(middle[:, :2]).max(axis=1) > 0.98 * np.abs(middle[:, :2]).max()
    assert features["edge48"][outer].mean() > 4 * features["edge48"][inner].mean()


def test_a_form_found_elsewhere_is_not_rare():
    points = np.random.default_rng(0).normal(0, 0.02, (300, 3)) + np.repeat(np.eye(3) * 4, 100, axis=0)
    descriptions = np.repeat(np.float32([[0, 0], [0, 0], [3, 4]]), 100, axis=0)
    found = rarity(points.astype(np.float32), descriptions)
    np.testing.assert_allclose(found, np.repeat([0, 0, 5], 100), atol=1e-4)


def test_an_object_within_one_place_has_no_rarity():
    points = np.random.default_rng(0).normal(0, 0.01, (50, 3)).astype(np.float32)
    assert (rarity(points, points) == 0).all()


@pytest.mark.parametrize("count", [4, 20, 300])
def test_few_points_have_the_same_features(make, count):
    surfels, features = make.study(make.ball(count)).shape
    assert list(features) == list(make.study(make.ball(2000)).shape[1])
    assert all(values.shape == (len(surfels.points),) for values in features.values())
    assert all(np.isfinite(values).all() for values in features.values())
