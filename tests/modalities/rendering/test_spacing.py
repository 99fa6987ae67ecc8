import numpy as np
import pytest

from looktwice.modalities.rendering import spacing as module
from looktwice.modalities.rendering.spacing import local_spacing


@pytest.mark.parametrize("count", [500, 5_000, 50_000, 300_000])
def test_areas_add_up_to_the_surface(shapes, count):
    spacing = local_spacing(shapes.ball(count))
    assert (spacing.astype(float) ** 2).sum() == pytest.approx(4 * np.pi, rel=0.35)


def test_follows_local_density(shapes):
    sparse, dense = shapes.slab(1, 1, 4_000), shapes.slab(1, 1, 64_000) + np.float32((2, 0, 0))
    spacing = local_spacing(np.concatenate([sparse, dense]))
    assert np.median(spacing[:4000]) / np.median(spacing[4000:]) == pytest.approx(4, rel=0.3)


def test_chunks_change_nothing(shapes, monkeypatch):
    points = shapes.bracket(5_000)
    whole = local_spacing(points)
    monkeypatch.setattr(module, "CHUNK", 700)
    np.testing.assert_array_equal(local_spacing(points), whole)


def test_coincident_points_have_a_positive_spacing():
    points = np.zeros((100, 3), np.float32)
    points[0] = 1
    assert (local_spacing(points) > 0).all()
