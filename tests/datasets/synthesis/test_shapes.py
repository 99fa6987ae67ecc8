"""Synthetic damage on meshes: true geometry, true labels, even density."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from looktwice.core.errors import InputError
from looktwice.datasets.synthesis.shapes import KINDS, Mesh, damage_mesh, load_mesh, sample_cloud, vary_mesh
from looktwice.datasets.synthesis.shapes.breaking import cut_at
from looktwice.datasets.synthesis.shapes.catalogue import SHAPES
from looktwice.datasets.synthesis.shapes.mesh import face_edges, unique_edges
from looktwice.datasets.synthesis.shapes.refine import refine
from looktwice.datasets.synthesis.shapes.surface import distance_from, thickness, waves


def box(size=(1.0, 1.0, 1.0)) -> Mesh:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * size
    faces = [
        [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
        [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
    ]  # fmt: skip
    return Mesh.of(corners, faces)


def volume(mesh: Mesh) -> float:
    return float((mesh.vertices[mesh.faces[:, 0]] * mesh.crosses).sum() / 6)


def closed(mesh: Mesh) -> bool:
    return bool((unique_edges(face_edges(mesh.faces))[2] == 2).all())


BALL = SHAPES["pebble"](np.random.default_rng(0))


@settings(max_examples=15, deadline=None)
@given(st.floats(0.05, 0.5), st.integers(0, 1000))
def test_refining_keeps_the_surface_and_closes_no_gap(target, seed):
    size = np.random.default_rng(seed).uniform(0.2, 2, 3)
    mesh = box(size)
    fine = refine(mesh, target)
    lengths = np.linalg.norm(np.subtract(*fine.vertices[fine.edges.T]), axis=1)
    assert lengths.max() <= target * 1.0001
    assert fine.areas.sum() == pytest.approx(mesh.areas.sum())
    assert volume(fine) == pytest.approx(np.prod(size))
    assert closed(fine)


def test_refining_in_one_place_only():
    mesh = refine(box(), 0.3)
    near = np.linalg.norm(mesh.vertices, axis=1)
    fine = refine(mesh, np.where(near < 0.2, 0.02, np.inf))
    assert len(mesh.faces) < len(fine.faces) < 20 * len(mesh.faces)
    assert closed(fine)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_made_shapes_are_closed_and_face_outwards(name):
    for seed in range(3):
        mesh = SHAPES[name](np.random.default_rng(seed))
        assert closed(mesh)
        assert volume(mesh) > 0
        assert not mesh.damage.any()


def test_cutting_splits_every_crossing_face():
    mesh = refine(box(), 0.4)
    height = mesh.vertices @ np.array([0.3, 0.5, 0.8]) - 0.7
    split = cut_at(mesh, height)
    side = split.vertices @ np.array([0.3, 0.5, 0.8]) - 0.7
    crossing = (side[split.faces].max(axis=1) > 1e-6) & (side[split.faces].min(axis=1) < -1e-6)
    assert not crossing.any()
    assert split.areas.sum() == pytest.approx(mesh.areas.sum())
    assert closed(split)


def test_distances_and_thickness():
    mesh = refine(box((1, 1, 0.2)), 0.05)
    top = int(np.argmin(np.linalg.norm(mesh.vertices - [0.5, 0.5, 0.2], axis=1)))
    assert thickness(mesh, top) == pytest.approx(0.2, abs=0.01)
    beneath = int(np.argmin(np.linalg.norm(mesh.vertices - [0.5, 0.5, 0.0], axis=1)))
    away = distance_from(mesh, top, 3.0)
    # Along the surface: to the rim and back below.
    assert 1.1 < away[beneath] < 1.6
    assert np.isinf(distance_from(mesh, top, 0.5)[beneath])


def test_waves_have_unit_variance():
    points = np.random.default_rng(0).uniform(0, 10, (5000, 3))
    assert waves(np.random.default_rng(1), points, 0.8).std() == pytest.approx(1, abs=0.15)


@settings(max_examples=18, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10_000))
def test_damage_is_local_labelled_and_real(kind, seed):
    damaged, name = damage_mesh(np.random.default_rng(seed), BALL, kind)
    assert name == kind
    assert np.isfinite(damaged.vertices).all()
    assert ((damaged.damage >= 0) & (damaged.damage <= 1)).all()
    cloud = sample_cloud(np.random.default_rng(seed), damaged, 20_000)
    assert 0.001 < cloud.labels.mean() < 0.3
    # What is not labelled still lies on the sound surface, but for the faint foot of the damage.
    sound = sample_cloud(np.random.default_rng(1), refine(BALL, 0.01 * BALL.diagonal), 60_000).points
    distance, _ = cKDTree(sound).query(cloud.points[~cloud.labels])
    assert np.quantile(distance, 0.99) < 0.015 * BALL.diagonal


@pytest.mark.parametrize(("kind", "sign"), [("bulge", 1), ("dent", -1)])
def test_bulges_add_and_dents_take(kind, sign):
    before = volume(BALL)
    for seed in range(4):
        damaged, _ = damage_mesh(np.random.default_rng(seed), BALL, kind)
        assert sign * (volume(damaged) - before) > 1e-3 * before


def test_a_broken_body_is_closed_by_its_fracture():
    broken, _ = damage_mesh(np.random.default_rng(2), BALL, "broken_off")
    lost = 1 - volume(broken) / volume(BALL)
    assert 0.001 < lost < 0.2
    assert broken.areas.sum() < BALL.areas.sum()


def test_a_hole_takes_area_and_has_a_wall():
    damaged, _ = damage_mesh(np.random.default_rng(1), BALL, "hole")
    assert not closed(damaged)
    wall = damaged.damage[damaged.faces].min(axis=1) == 1
    assert wall.any()
    # The wall runs inwards from the surface.
    centre = damaged.vertices.mean(axis=0)
    assert np.ptp(np.linalg.norm(damaged.vertices[damaged.faces[wall]] - centre, axis=2)) > 0.005 * BALL.diagonal


def test_bending_keeps_lengths_along_the_part():
    bar = refine(box((4, 0.4, 0.4)), 0.05)
    bent, _ = damage_mesh(np.random.default_rng(3), bar, "bend")
    assert bent.areas.sum() == pytest.approx(bar.areas.sum(), rel=0.1)
    assert np.ptp(bent.vertices, axis=0).max() < 4.2


@pytest.mark.parametrize("kind", ["bulge", "dent", "bend", "crack", "rough", "scratch", "cut"])
def test_density_gives_nothing_away(kind):
    damaged, _ = damage_mesh(np.random.default_rng(5), BALL, kind)
    cloud = sample_cloud(np.random.default_rng(5), damaged, 30_000)
    # Points per area, counted on the mesh itself.
    marked = damaged.damage[damaged.faces].mean(axis=1) > 0.15
    area_share = damaged.areas[marked].sum() / damaged.areas.sum()
    assert cloud.labels.mean() == pytest.approx(area_share, rel=0.25)


def test_clouds_are_the_same_for_the_same_seed_and_noise_is_as_asked():
    first, second = (sample_cloud(np.random.default_rng(9), BALL, 5000, 0.001) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)
    assert first.points.dtype == first.normals.dtype == np.float32
    clean = sample_cloud(np.random.default_rng(9), BALL, 5000)
    along = ((first.points - clean.points) * clean.normals).sum(axis=1)
    assert along.std() == pytest.approx(0.001 * BALL.diagonal, rel=0.35)
    np.testing.assert_allclose(np.linalg.norm(clean.normals, axis=1), 1, atol=1e-5)


def test_specimens_differ_but_are_sound():
    one, other = (vary_mesh(np.random.default_rng(seed), BALL) for seed in (0, 1))
    assert not np.allclose(one.vertices, other.vertices)
    assert volume(one) == pytest.approx(volume(BALL), rel=0.25)
    assert not one.damage.any()


def test_meshes_without_faces_are_refused(tmp_path):
    cloud = tmp_path / "cloud.ply"
    cloud.write_text(
        "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
        "0 0 0\n1 0 0\n0 1 0\n"
    )
    with pytest.raises(InputError, match="no faces"):
        load_mesh(cloud)
    with pytest.raises(InputError, match="faces"):
        Mesh.of(np.zeros((3, 3)), [])
    with pytest.raises(InputError, match="area"):
        Mesh.of([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]])
    with pytest.raises(ValueError, match="unknown kind"):
        damage_mesh(np.random.default_rng(0), BALL, "rust")


@pytest.mark.data
@pytest.mark.parametrize("name", ["teapot.obj", "ant.ply", "beetle.obj"])
def test_everyday_meshes_take_every_kind(data_folder, name):
    mesh = load_mesh(data_folder / "pointcloud/meshes" / name)
    for number, kind in enumerate(KINDS):
        damaged, _ = damage_mesh(np.random.default_rng(number), mesh, kind)
        assert sample_cloud(np.random.default_rng(0), damaged, 5000).labels.any()
