import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from sklearn.metrics import roc_auc_score

from looktwice.modalities.pointclouds.geometry_evidence import geometry_evidence


def ring(count, seed, dent=None):
    """Random points on a torus (radii 1 and 0.4), and which of them a dent moved."""
    rng = np.random.default_rng(seed)
    around, across = 2 * np.pi * rng.random((2, 2 * count))
    keep = rng.random(2 * count) < (1 + 0.4 * np.cos(across)) / 1.4
    around, across = around[keep][:count], across[keep][:count]
    tube = np.full(len(around), 0.4)
    moved = np.zeros(len(around), bool)
    if dent is not None:
        away = np.angle(np.exp(1j * (around - 1.0)))
        distance = np.hypot(away, 0.4 * np.angle(np.exp(1j * (across - 0.5))))
        depth = np.clip(1 - (distance / 0.25) ** 2, 0, None) ** 2
        tube = tube + dent * depth
        moved = depth > 0.05
    flat = 1 + tube * np.cos(across)
    points = np.stack([flat * np.cos(around), flat * np.sin(around), tube * np.sin(across)], axis=1)
    return (points + rng.normal(0, 0.001, points.shape)).astype(np.float32), moved


@pytest.mark.parametrize("dent", [-0.12, 0.12])
def test_dents_and_bulges_are_rare_on_a_ring(make, dent):
    points, moved = ring(15_000, 0, dent)
    evidence = geometry_evidence(make.study(points))
    assert evidence.dtype == np.float32
    assert evidence.shape == (len(points),)
    assert roc_auc_score(moved, evidence) > 0.93
    flawless = geometry_evidence(make.study(ring(15_000, 1)[0]))
    assert np.quantile(evidence, 0.99) > 1.3 * np.quantile(flawless, 0.99)


def test_pose_scale_and_order_matter_little(make):
    points, moved = ring(15_000, 0, -0.12)
    order = np.random.default_rng(5).permutation(len(points))
    turned = 37 * points[order] @ Rotation.random(random_state=3).as_matrix().T.astype(np.float32) + 5
    before, after = geometry_evidence(make.study(points)), geometry_evidence(make.study(turned))
    assert np.corrcoef(before[order], after)[0, 1] > 0.8
    assert np.quantile(after, 0.99) == pytest.approx(np.quantile(before, 0.99), rel=0.15)
    assert roc_auc_score(moved[order], after) > 0.93


def test_every_point_has_a_value_and_points_not_inspected_have_none(make):
    points, _ = ring(6000, 0)
    points[::7] = np.nan
    evidence = geometry_evidence(make.study(points))
    assert (evidence[::7] == 0).all()
    assert np.isfinite(evidence).all()


@pytest.mark.parametrize("count", [4, 20, 300])
def test_few_points(make, count):
    evidence = geometry_evidence(make.study(make.ball(count)))
    assert evidence.shape == (count,)
    assert np.isfinite(evidence).all()


def test_a_mesh_has_one_value_per_vertex(make):
    mesh = make.torus()
    study = make.study(np.asarray(mesh.vertices, np.float32), faces=np.asarray(mesh.triangles, np.int32))
    assert geometry_evidence(study).shape == (600,)
