from __future__ import annotations

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looktwice.modalities.pointclouds import viewer as module
from looktwice.modalities.pointclouds.viewer import LIGHT, shade, thin


def decode(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 120))
def test_thinning_keeps_room_for_both_hot_and_other_points(hot, other, most):
    scores = np.concatenate([np.full(hot, 0.9), np.full(other, 0.1)]).astype(np.float32)
    kept = thin(scores, 0.5, most)
    assert len(kept) == min(most, hot + other)
    assert (np.diff(kept) > 0).all()
    kept_hot = int((kept < hot).sum())
    assert kept_hot >= min(hot, most // 2)
    assert len(kept) - kept_hot >= min(other, most - max(most // 2, most - other))
    np.testing.assert_array_equal(kept, thin(scores, 0.5, most))


def test_a_cloud_comes_sorted_by_score_in_its_own_coordinates(make_cloud, monkeypatch):
    monkeypatch.setattr(module, "MAX_POINTS", 500)
    made = make_cloud(points=4000, offset=5_000_000.0)
    setup = made.result.heatmap.viewer(0.5).values["setup"]
    scores = decode(setup["scores"], "<f4")
    points = decode(setup["points"], "<f4").reshape(-1, 3) + np.array(setup["offset"])
    assert len(scores) == 500
    assert len(decode(setup["shades"], "u1")) == 500
    assert (np.diff(scores) <= 0).all()
    assert "500 of 4,000 points" in setup["shown"]
    # Single precision alone would be half a unit off, so far from the origin.
    np.testing.assert_allclose(np.linalg.norm(points - 5_000_000.0, axis=1), 10.0, atol=1e-3)
    assert (points[scores > 0.5, 2] > 5_000_009.5).all()


def test_a_mesh_is_shown_with_its_faces(make_cloud):
    made = make_cloud(points=200, mesh=True)
    setup = made.result.heatmap.viewer(0.5).values["setup"]
    faces = decode(setup["faces"], "<u4").reshape(-1, 3)
    np.testing.assert_array_equal(faces, made.study.cloud.faces)
    assert len(decode(setup["scores"], "<f4")) == 200


def test_a_fine_mesh_is_shown_as_points(make_cloud, monkeypatch):
    monkeypatch.setattr(module, "MAX_FACES", 10)
    assert "faces" not in make_cloud(points=200, mesh=True).result.heatmap.viewer(0.5).values["setup"]


def test_the_camera_stands_over_the_worst_region(make_cloud):
    made = make_cloud(points=2000)
    setup = made.result.heatmap.viewer(0.5, made.result.regions[0].centroid).values["setup"]
    np.testing.assert_allclose(setup["eye"], [0, 0, 1], atol=0.05)
    inside = made.result.heatmap.viewer(0.5, (0.0, 0.0, 0.0)).values["setup"]["eye"]
    assert np.linalg.norm(inside) == pytest.approx(1)


def test_shading_follows_the_slope(make_cloud):
    points = make_cloud(points=4000).study.cloud.points
    expected = np.abs(points / 10 @ LIGHT)
    assert np.abs(shade(points) - expected).mean() < 0.03


def test_a_handful_of_points_is_shaded_evenly():
    np.testing.assert_array_equal(shade(np.eye(3)), [1, 1, 1])
