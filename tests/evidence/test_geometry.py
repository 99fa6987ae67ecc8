"""Geometric evidence: calibration, and that pose, scale, order and sampling leave an object's score alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from sklearn.metrics import roc_auc_score

from looktwice.core.calibration import Calibration
from looktwice.core.errors import InputError, WeightsError
from looktwice.datasets.synthesis.shapes import damage_mesh, sample_cloud
from looktwice.datasets.synthesis.shapes.catalogue import SHAPES
from looktwice.evidence import geometry
from looktwice.evidence.geometry import Reading, calibrate_by, place_probabilities, read_geometry
from looktwice.evidence.networks.damage import GeometryNetwork, load_network, shipped_network
from looktwice.evidence.settings import DEFAULTS
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.study import CloudStudy

from ..made_studies import ask

CALIBRATION = Calibration(score_shift=0.0, score_scale=DEFAULTS.geometry.score_step)


def study(points: np.ndarray, faces: np.ndarray | None = None) -> CloudStudy:
    return CloudStudy(Cloud(np.asarray(points), faces), Path("made.ply"))


def reading(seed: int, damaged: bool = False) -> Reading:
    logits = np.random.default_rng(seed).normal(-5, 1.0, 4000).astype(np.float32)
    if damaged:
        logits[:60] += 8
    return Reading(logits, logits)


@pytest.fixture(scope="module")
def elbow() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """A bent pipe, sound and dented, 30,000 points each, with the labels of its points."""
    mesh = SHAPES["elbow"](np.random.default_rng(4))
    dented, _ = damage_mesh(np.random.default_rng(1), mesh, "dent")
    clouds = {}
    for name, one in (("sound", mesh), ("dented", dented)):
        for draw in range(2):
            cloud = sample_cloud(np.random.default_rng(draw), one, 30_000, 0.0005)
            clouds[f"{name}{draw}"] = (cloud.points, cloud.labels)
    return clouds


def test_damage_raises_score_and_map():
    calibration = calibrate_by([reading(seed) for seed in range(6)])
    values = place_probabilities(reading(11, damaged=True), calibration)
    assert calibration.score(reading(10).score) < 0.6 < calibration.score(reading(11, damaged=True).score)
    assert values[:60].min() > 0.5
    assert (values[60:] >= 0.5).mean() < 0.005


def test_points_that_are_not_inspected_score_zero():
    points = reading(1).points.copy()
    points[:10] = -np.inf
    values = place_probabilities(Reading(points, points[10:]), CALIBRATION)
    assert (values[:10] == 0).all()
    assert (values[10:] > 0).all()


def test_a_dent_is_found_where_it_is(elbow):
    points, labels = elbow["dented0"]
    found = read_geometry(study(points))
    assert roc_auc_score(labels, found.points) > 0.9
    assert found.score > read_geometry(study(elbow["sound0"][0])).score + 1


@pytest.mark.parametrize("name", ["sound", "dented"])
def test_the_score_does_not_depend_on_pose_scale_order_or_sampling(elbow, name):
    points, _ = elbow[f"{name}0"]
    calibration = Calibration(score_shift=read_geometry(study(points)).score, score_scale=CALIBRATION.score_scale)
    rng = np.random.default_rng(0)
    variants = {
        "turned": points @ Rotation.random(rng=3).as_matrix().T.astype(np.float32),
        "scaled": 250 * points + np.float32((1000, -20, 7)),
        "shuffled": points[rng.permutation(len(points))],
        "scanned again": elbow[f"{name}1"][0],
        "thinned": points[rng.permutation(len(points))[:22_000]],
    }
    # At its own score as the threshold, where the score is steepest.
    moved = {what: calibration.score(read_geometry(study(cloud)).score) - 0.5 for what, cloud in variants.items()}
    assert max(abs(move) for move in moved.values()) <= 0.05, moved


def test_a_mesh_is_scored_at_its_vertices():
    mesh = SHAPES["ring"](np.random.default_rng(0))
    found = read_geometry(study(mesh.vertices, mesh.faces.astype(np.int32)))
    assert found.points.shape == (len(mesh.vertices),)
    assert np.isfinite(found.points).all()


def plane(count: int) -> np.ndarray:
    return np.append(np.random.default_rng(0).random((count, 2)), np.zeros((count, 1)), axis=1)


@pytest.mark.parametrize(
    "points",
    [
        plane(3000),
        np.linspace(0, 1, 500)[:, None] * (1, 2, 3),
        np.repeat(np.random.default_rng(0).normal(size=(40, 3)), 50, axis=0),
        np.concatenate([plane(2000), plane(2000) + 1000]),
        np.random.default_rng(0).normal(size=(4, 3)),
        1e-9 * plane(500) + 1e6,
        1e12 * plane(500),
    ],
    ids=["plane", "line", "duplicates", "two far apart", "four points", "tiny and far out", "huge"],
)
def test_odd_clouds_have_a_result_or_say_why_not(points):
    try:
        cloud = study(points)
    except InputError:
        return
    found = ask(geometry, cloud, CALIBRATION)
    assert 0 <= found.score <= 1
    assert found.heat.values.shape == (len(points),)
    assert np.isfinite(found.heat.values).all()


def test_unmeasured_points_stay_at_zero():
    points = plane(3000)
    points[::7] = np.nan
    found = ask(geometry, study(points), CALIBRATION)
    assert (found.heat.values[::7] == 0).all()


def test_three_points_are_too_few():
    with pytest.raises(InputError, match="at least"):
        study(plane(3))


def test_a_head_is_saved_and_read_back(tmp_path):
    network = shipped_network()
    network.save(tmp_path / "head.safetensors")
    again = load_network(tmp_path / "head.safetensors")
    features = {name: np.random.default_rng(0).normal(size=50).astype(np.float32) for name in network.features}
    np.testing.assert_array_equal(network.logits(features), again.logits(features))
    assert isinstance(again, GeometryNetwork)


def test_another_file_is_no_head(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="not a geometry network"):
        load_network(tmp_path / "x.safetensors")
