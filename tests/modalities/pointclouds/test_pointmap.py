import numpy as np
import open3d as o3d
import pytest

from looktwice.modalities.pointclouds.ply import write_scored_ply
from looktwice.modalities.pointclouds.pointmap import PointMap


def scored(study, values):
    values = np.asarray(values, np.float32)
    return PointMap(study, values, np.full(len(values), 3, np.uint8), np.zeros(len(values), bool))


def header_of(path):
    return path.read_bytes().split(b"end_header\n")[0].decode("ascii").splitlines()


def test_ply_holds_points_and_scores_in_order(make, folder):
    points = make.ball(700)
    values = np.random.default_rng(0).random(700)
    path = folder / "heat map.ply"
    scored(make.study(points, unit="mm"), values).save(path)
    header = header_of(path)
    assert "format binary_little_endian 1.0" in header
    assert "property float scalar_anomaly_score" in header
    assert "property float scalar_views_seen" in header
    assert "comment unit mm" in header
    back = o3d.t.io.read_point_cloud(str(path))
    np.testing.assert_array_equal(back.point.positions.numpy(), points)
    np.testing.assert_allclose(back.point["scalar_anomaly_score"].numpy()[:, 0], values, rtol=1e-6)
    assert (back.point["scalar_views_seen"].numpy() == 3).all()
    brightness = back.point.colors.numpy().astype(int).sum(axis=1)
    assert np.corrcoef(brightness, values)[0, 1] > 0.97
    assert [file.name for file in folder.iterdir()] == ["heat map.ply"]


def test_meshes_keep_their_faces(make, folder):
    mesh = make.torus()
    faces = np.asarray(mesh.triangles, np.int32)
    study = make.study(np.asarray(mesh.vertices, np.float32), faces=faces)
    scored(study, np.linspace(0, 1, 600)).save(folder / "m.ply")
    back = o3d.t.io.read_triangle_mesh(str(folder / "m.ply"))
    np.testing.assert_array_equal(back.triangle.indices.numpy(), faces)
    scores = o3d.t.io.read_point_cloud(str(folder / "m.ply")).point["scalar_anomaly_score"].numpy()[:, 0]
    np.testing.assert_allclose(scores, np.linspace(0, 1, 600), atol=1e-6)


def test_survey_coordinates_stay_exact(make, folder):
    points = make.ball(50).astype(np.float64) + np.array((600_000.125, 5_000_000.25, 0))
    scored(make.study(points), np.zeros(50)).save(folder / "s.ply")
    assert "property double x" in header_of(folder / "s.ply")
    back = np.asarray(o3d.io.read_point_cloud(str(folder / "s.ply")).points)
    np.testing.assert_array_equal(back, points)


def test_a_failed_write_leaves_the_old_file(folder, make):
    path = folder / "x.ply"
    path.write_text("kept")
    with pytest.raises(ValueError, match="broadcast"):
        write_scored_ply(path, make.ball(5), {"score": np.zeros(4, np.float32)}, np.zeros((5, 3), np.uint8))
    assert path.read_text() == "kept"


def test_regions_are_measured_in_the_file_s_unit(make):
    points = make.ball(20_000) * np.float32(50)
    direction = np.float32((0.6, 0.0, 0.8))
    cosine = (points / 50) @ direction
    values = np.where(cosine > np.cos(0.2), 0.9, 0.1)
    values[cosine < -np.cos(0.1)] = 0.7
    first, second = scored(make.study(points, unit="inch"), values).regions(0.5)
    assert first.score == pytest.approx(0.9)
    assert second.score == pytest.approx(0.7)
    assert first.size == (cosine > np.cos(0.2)).sum()
    assert first.size_unit == "points"
    cap = 2 * np.pi * 50**2 * (1 - np.cos(0.2))
    assert first.details["area"] == pytest.approx(cap, rel=0.3)
    long, middle, thin = first.details["extents"]
    assert long == pytest.approx(2 * 50 * np.sin(0.2), rel=0.1)
    assert middle == pytest.approx(long, rel=0.1)
    assert thin == pytest.approx(50 * (1 - np.cos(0.2)), rel=0.25)
    assert first.details["distance_to_centre"] == pytest.approx(49.5, rel=0.02)
    assert first.details["unit"] == "inch"
    assert first.details["filled_share"] == 0
    np.testing.assert_allclose(first.centroid, direction * 49.5, atol=1)
    np.testing.assert_allclose(first.centroid_world_mm, np.array(first.centroid) * 25.4, rtol=1e-6)
    lower, upper = np.array(first.bbox[:3]), np.array(first.bbox[3:])
    assert (lower < first.centroid).all()
    assert (upper > first.centroid).all()
    assert first.to_json()["points"] == first.size


def test_limit_and_empty(make):
    points = make.ball(4000)
    values = np.zeros(4000)
    values[::400] = np.linspace(0.6, 0.9, 10)
    mapped = scored(make.study(points), values)
    assert len(mapped.regions(0.5)) == 10
    assert [region.score for region in mapped.regions(0.5, limit=2)] == pytest.approx([0.9, 0.8667], abs=1e-3)
    assert mapped.regions(0.95) == []


def test_mesh_regions_follow_edges_not_distance(make):
    """Two sheets nearer to one another than their vertices: two regions; a seam of doubled vertices: one."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(10.0), np.arange(10.0)))
    sheet = np.stack([x, y, 0 * x], axis=1)
    cell = np.arange(100).reshape(10, 10)
    a, b, c, d = (part.ravel() for part in (cell[:-1, :-1], cell[:-1, 1:], cell[1:, :-1], cell[1:, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    seam = sheet + np.array((9.0, 0, 0))
    above = sheet + np.array((0, 0, 0.2))
    points = np.concatenate([sheet, above, seam]).astype(np.float32)
    triangles = np.concatenate([faces, faces + 100, faces + 200]).astype(np.int32)
    regions = scored(make.study(points, faces=triangles), np.full(300, 0.8)).regions(0.5)
    assert sorted(region.size for region in regions) == [100, 200]
    assert max(region.details["area"] for region in regions) == pytest.approx(162, rel=0.01)


def test_regions_of_many_points_are_quick(make):
    import time

    points = make.ball(200_000)
    mapped = scored(make.study(points), np.full(200_000, 0.9))
    started = time.process_time()
    (region,) = mapped.regions(0.5)
    assert region.size == 200_000
    assert time.process_time() - started < 5
