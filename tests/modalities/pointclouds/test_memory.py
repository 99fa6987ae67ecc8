"""Clouds and meshes in memory: the same points in the same order, whichever library they come from."""

from __future__ import annotations

import numpy as np
import open3d as o3d
import pytest
import torch

from looktwice import modalities
from looktwice.core.errors import InputError


@pytest.fixture(scope="module")
def points(make) -> np.ndarray:
    return make.ball(500).astype(np.float64) * (3, 2, 1) + (100, 0, 0)


COLOURS = np.linspace(0, 1, 1500).reshape(500, 3)


def legacy(points):
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points))
    cloud.colors = o3d.utility.Vector3dVector(COLOURS)
    return cloud


def in_tensors(points):
    cloud = o3d.t.geometry.PointCloud(o3d.core.Tensor(points))
    cloud.point.colors = o3d.core.Tensor(np.rint(COLOURS * 255).astype(np.uint8))
    return cloud


FORMS = {
    "array": lambda points: np.hstack([points, COLOURS]),
    "tensor": lambda points: torch.from_numpy(np.hstack([points, COLOURS])),
    "open3d": legacy,
    "open3d tensors": in_tensors,
}


@pytest.mark.parametrize("form", FORMS)
def test_points_and_colours_come_as_they_are(points, form, tmp_path):
    study = modalities.open(FORMS[form](points), unit="mm")
    assert study.modality is modalities.Modality.POINTCLOUD
    assert not study.medical
    np.testing.assert_array_equal(study.cloud.points, points)
    np.testing.assert_array_equal(study.cloud.colours, np.rint(COLOURS * 255))
    heatmap = study.lift(np.full((len(study.views()), 4, 4), 0.7))
    assert heatmap.values.shape == (500,)
    heatmap.write(tmp_path)
    back = o3d.t.io.read_point_cloud(str(tmp_path / "heatmap.ply"))
    np.testing.assert_array_equal(back.point.positions.numpy(), points)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(points, dtype):
    assert modalities.open(points.astype(dtype)).cloud.points.dtype == dtype


@pytest.mark.parametrize("form", ["legacy", "tensors"])
def test_a_mesh_keeps_its_faces(make, form):
    mesh = make.torus()
    data = mesh if form == "legacy" else o3d.t.geometry.TriangleMesh.from_legacy(mesh)
    study = modalities.open(data)
    np.testing.assert_array_equal(study.cloud.faces, np.asarray(mesh.triangles))
    np.testing.assert_allclose(study.cloud.points, np.asarray(mesh.vertices), atol=1e-6)


def test_trimesh_is_read():
    trimesh = pytest.importorskip("trimesh")
    mesh = trimesh.creation.icosphere(subdivisions=2)
    study = modalities.open(mesh)
    np.testing.assert_array_equal(study.cloud.points, mesh.vertices)
    np.testing.assert_array_equal(study.cloud.faces, mesh.faces)
    assert modalities.open(trimesh.PointCloud(mesh.vertices)).cloud.faces is None


def test_objects_of_trimesh_are_told_by_their_module(points, make):
    """Without the package: a class of its name with what its meshes offer."""

    class Trimesh:
        __module__ = "trimesh.base"

        def __init__(self, vertices, faces):
            self.vertices, self.faces = vertices, faces

    mesh = make.torus()
    study = modalities.open(Trimesh(np.asarray(mesh.vertices), np.asarray(mesh.triangles)))
    assert study.name == "cloud"
    np.testing.assert_array_equal(study.cloud.faces, np.asarray(mesh.triangles))


def test_points_that_are_not_finite_are_kept_with_score_zero(points):
    gaps = points.copy()
    gaps[:3] = np.nan
    gaps[3, 0] = np.inf
    study = modalities.open(gaps)
    assert study.notes == ["4 of 500 points have no measurement; they are kept, with score 0"]
    assert (study.lift(np.ones((len(study.views()), 4, 4))).values[:4] == 0).all()


def test_names(points):
    assert modalities.open(points).name == "array"
    assert modalities.open(legacy(points)).name == "cloud"
    assert modalities.open(points, name="part 4").name == "part 4"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((0, 3)), "contains no points"),
        (np.zeros((50, 3)), "all points have the same position"),
        (np.full((50, 3), np.nan), "only 0 of 50 points are usable"),
        (np.random.default_rng(0).normal(size=(50, 6)), r"columns 4 to 6 are colours in \[0, 1\]"),
        (o3d.geometry.PointCloud(), "contains no points"),
        (o3d.t.geometry.PointCloud(), "contains no points"),
        (o3d.geometry.LineSet(), "this is no point cloud or triangle mesh"),
    ],
)
def test_what_is_no_cloud_is_refused_in_one_line(data, message):
    with pytest.raises(InputError, match=message) as error:
        modalities.open(data)
    assert "\n" not in str(error.value)
