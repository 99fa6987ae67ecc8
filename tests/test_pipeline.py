"""The whole way through the house with the shipped model: what goes in at a known place comes back at that place."""

from __future__ import annotations

import json
import warnings

import nibabel as nib
import numpy as np
import open3d as o3d
import pytest
import skimage.data
from PIL import Image
from scipy import ndimage

from looktwice.core.study import Modality
from looktwice.datasets.synthesis.images import synthesize
from looktwice.pipeline import Inspector

CONTRACT = {
    "study", "input", "modality", "score", "threshold", "verdict", "suspicion", "views", "findings", "regions",
    "candidates", "p_normal", "p_normal_from", "explanation", "answer", "artifacts", "model", "version", "seconds",
}  # fmt: skip
SECONDS = {"load", "encode", "match", "lift", "explain", "write", "total"}


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector("nano", device="cpu", llm="template")


@pytest.fixture(scope="module")
def template() -> nib.Nifti1Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nilearn.datasets import load_mni152_template
    return load_mni152_template(resolution=2)


def with_cube(template: nib.Nifti1Image, centre_mm: tuple[float, float, float], side_mm: float) -> nib.Nifti1Image:
    """Return the template with a bright cube at a place in RAS millimetres."""
    values = np.asarray(template.dataobj, np.float32).copy()
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in values.shape), indexing="ij"), axis=-1)
    world = grid @ template.affine[:3, :3].T + template.affine[:3, 3]
    inside = (np.abs(world - np.asarray(centre_mm)) <= side_mm / 2).all(axis=-1)
    values[inside] = 1.6 * np.percentile(values, 99.5)
    return nib.Nifti1Image(values, template.affine)


def reoriented(image: nib.Nifti1Image, codes: str) -> nib.Nifti1Image:
    start = nib.io_orientation(image.affine)
    return image.as_reoriented(nib.orientations.ornt_transform(start, nib.orientations.axcodes2ornt(codes)))


def oblique(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """Return the same volume lying tilted in the world, and the rotation is part of the affine."""
    angle = np.deg2rad(12)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return nib.Nifti1Image(np.asarray(image.dataobj), turn @ image.affine)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL", "oblique"])
def test_bright_cube_comes_back_at_its_millimetres(inspector, template, tmp_path, codes):
    centre = np.array([28.0, -20.0, 30.0])
    made = with_cube(template, tuple(centre), 24.0)
    made = oblique(made) if codes == "oblique" else reoriented(made, codes)
    if codes == "oblique":
        angle = np.deg2rad(12)
        turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
        centre = turn @ centre
    path = tmp_path / "cube.nii.gz"
    nib.save(made, path)
    result = inspector.inspect(path, out=tmp_path / "out")
    near = [
        np.linalg.norm(np.asarray(region.centroid_world_mm) - centre)
        for region in result.regions
        if region.centroid_world_mm is not None
    ]
    assert near, "no region was found"
    assert min(near) <= 10, near
    heatmap = nib.load(tmp_path / "out" / result.study / "heatmap.nii.gz")
    assert heatmap.shape == made.shape
    assert heatmap.get_data_dtype() == np.float32
    np.testing.assert_array_equal(heatmap.affine, nib.load(path).affine)


def test_photograph_gives_the_contract(inspector, tmp_path):
    folder = tmp_path / "with space é"
    folder.mkdir()
    picture = np.repeat(skimage.data.brick()[..., None], 3, axis=2)
    painted, mask, _ = synthesize(picture, np.random.default_rng(1), "foreign_patch")
    path = folder / "brick wall.png"
    Image.fromarray(painted).save(path)
    result = inspector.inspect(path, out=tmp_path / "out")
    record = json.loads((tmp_path / "out" / result.study / "report.json").read_text())
    assert set(record) >= CONTRACT
    assert set(record["seconds"]) >= SECONDS
    assert record["score"] == pytest.approx(result.score)
    heat = np.asarray(Image.open(tmp_path / "out" / result.study / record["artifacts"]["heatmap"]))
    assert heat.shape == mask.shape
    assert heat.dtype == np.uint16
    assert heat[mask].mean() > heat[~mask].mean()
    for name in record["artifacts"].values():
        assert (tmp_path / "out" / result.study / name).stat().st_size > 0


def test_mesh_heatmap_keeps_the_points(inspector, tmp_path):
    mesh = o3d.geometry.TriangleMesh.create_torus(1.0, 0.4, 60, 40)
    path = tmp_path / "torus.ply"
    o3d.io.write_triangle_mesh(str(path), mesh)
    result = inspector.inspect(path, out=tmp_path / "out")
    cloud = o3d.t.io.read_point_cloud(str(tmp_path / "out" / result.study / "heatmap.ply"))
    np.testing.assert_allclose(cloud.point.positions.numpy(), np.asarray(mesh.vertices), atol=1e-5)
    assert (
        b"property float scalar_anomaly_score" in (tmp_path / "out" / result.study / "heatmap.ply").read_bytes()[:2000]
    )
    assert result.modality is Modality.POINTCLOUD


def test_threshold_is_applied_last(inspector, template, tmp_path):
    path = tmp_path / "cube.nii.gz"
    nib.save(with_cube(template, (28.0, -20.0, 30.0), 24.0), path)
    low, high = inspector.inspect(path, threshold=0.01), inspector.inspect(path, threshold=0.999999)
    assert low.score == high.score
    np.testing.assert_array_equal(low.heatmap.values, high.heatmap.values)
    assert (low.verdict, high.verdict) == ("anomalous", "normal")


@pytest.mark.data
def test_hottest_voxels_lie_inside_the_head(inspector, data_folder):
    (path,) = (data_folder / "medical/volumes/ms_patient07").glob("FLAIR*")
    result = inspector.inspect(path)
    source = nib.load(path)
    assert result.heatmap.values.shape == source.shape
    # Skull stripping left single zero voxels within the brain; they are inside the head all the same.
    head = ndimage.binary_fill_holes(np.asarray(source.dataobj) > 0)
    hottest = result.heatmap.values >= np.quantile(result.heatmap.values, 0.9999)
    assert head[hottest].all()


@pytest.mark.data
def test_dent_is_the_hottest_part_of_the_mesh(inspector, data_folder, tmp_path):
    mesh = o3d.io.read_triangle_mesh(str(data_folder / "pointcloud/meshes/spot.obj")).subdivide_midpoint(2)
    points = np.asarray(mesh.vertices).copy()
    mesh.compute_vertex_normals()
    normals = np.asarray(mesh.vertex_normals)
    # The middle of the cow's flank.
    flank = points[np.argmax(points[:, 0] - np.abs(points[:, 1] - 0.1) - np.abs(points[:, 2]))]
    radius, depth = 0.22, 0.12
    apart = np.linalg.norm(points - flank, axis=1)
    push = depth * np.exp(-((apart / (radius / 2)) ** 2))
    mesh.vertices = o3d.utility.Vector3dVector(points - push[:, None] * normals[apart.argmin()])
    path = tmp_path / "dented.ply"
    o3d.io.write_triangle_mesh(str(path), mesh)
    values = inspector.inspect(path).heatmap.values
    assert values[apart < radius].mean() > values[apart > 2 * radius].mean()
    assert apart[np.argmax(values)] < 1.5 * radius
