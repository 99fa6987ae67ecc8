from pathlib import Path

import numpy as np
import open3d as o3d
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.core.errors import InputError, UsageError
from looktwice.core.study import Modality, NativeMap, Study
from looktwice.modalities.pointclouds import open_pointcloud
from looktwice.modalities.pointclouds.cleaning import find_outliers, find_support_plane


def constant(study, value=0.5):
    return np.full((len(study.views()), 7, 7), value, np.float32)


def test_views_have_the_contract_s_shape_and_names(make):
    study = make.study(make.ball(2000))
    assert isinstance(study, Study)
    assert study.modality is Modality.POINTCLOUD
    views = study.views()
    assert len(views) == 9
    assert [view.index for view in views] == list(range(9))
    assert views[0].image.shape == (336, 336, 3)
    assert views[0].image.dtype == np.uint8
    assert views[4].name == "view 5 from the left"
    assert len({view.name for view in views}) == 9
    assert [view.name for view in views[2:4]] == [views[2].name, views[-6].name]


def test_views_are_drawn_when_asked_for(make, monkeypatch):
    study = make.study(make.ball(2000))
    assert study.views()._done == []
    study.views()[2]
    assert len(study.views()._done) == 3


def test_opening_a_file(make, folder):
    o3d.io.write_triangle_mesh(str(folder / "ring.ply"), make.torus())
    study = open_pointcloud(folder / "ring.ply", backend="numpy", views=4, unit="mm")
    assert (study.name, study.unit, len(study.views())) == ("ring", "mm", 4)
    lifted = study.lift(constant(study))
    assert isinstance(lifted, NativeMap)
    np.testing.assert_allclose(lifted.values, 0.5, atol=1e-5)


def test_views_none_is_as_many_as_it_takes(make):
    study = make.study(make.ball(4000), views=None)
    assert 7 <= len(study.views()) < 26
    assert study.lift(constant(study)).seen_count.min() >= 2


@pytest.mark.parametrize("options", [{"backend": "vulkan"}, {"views": 0}, {"views": 27}, {"unit": "furlong"}])
def test_wrong_calls(folder, options):
    with pytest.raises(UsageError):
        open_pointcloud(folder / "any.ply", **options)


def nan_rows(count):
    return np.full((count, 3), np.nan, np.float32)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((1, 3), np.float32),
        np.eye(3, dtype=np.float32),
        nan_rows(50),
        np.concatenate([np.eye(3, dtype=np.float32), nan_rows(50)]),
        np.ones((40, 3), np.float32),
        np.full((40, 3), np.inf, np.float32),
    ],
    ids=["one", "three", "all NaN", "three and NaN", "all in one place", "infinite"],
)
def test_too_little_to_inspect(make, points):
    with pytest.raises(InputError, match=r"usable|same position") as error:
        make.study(points)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "case", ["four", "line", "plane", "plane edge-on", "duplicates", "two far apart", "tiny", "huge", "survey", "NaN"]
)
def test_odd_clouds_give_a_result(make, case):
    rng = np.random.default_rng(0)
    flat = np.concatenate([rng.random((3000, 2)), np.zeros((3000, 1))], axis=1).astype(np.float32)
    ball = make.ball(3000)
    points = {
        "four": np.concatenate([np.zeros((1, 3)), np.eye(3)]).astype(np.float32),
        "line": np.linspace(0, 1, 500, dtype=np.float32)[:, None] * np.float32((1, 2, 3)),
        "plane": flat,
        "plane edge-on": flat[:, [0, 2, 1]] * np.float32((1, 1, 1e-3)),
        "duplicates": np.repeat(ball[:600], 5, axis=0),
        "two far apart": np.concatenate([ball, ball + np.float32((500, 0, 0))]),
        "tiny": ball * np.float32(1e-12),
        "huge": ball * np.float32(1e12),
        "survey": ball.astype(np.float64) + np.array((600_000.0, 5_000_000.0, 100.0)),
        "NaN": np.where(rng.random((3000, 1)) < 0.2, np.float32(np.nan), ball),
    }[case]
    study = make.study(points, views=6)
    lifted = study.lift(constant(study))
    measured = np.isfinite(points).all(axis=1)
    np.testing.assert_allclose(lifted.values[measured], 0.5, atol=1e-4)
    assert (lifted.values[~measured] == 0).all()
    assert lifted.filled[~measured].all()
    assert sum(region.size for region in lifted.regions(0.4, limit=10_000)) == measured.sum()
    if case == "NaN":
        assert any("no measurement" in note for note in study.notes)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.sampled_from([1e-3, 1.0, 300.0]))
def test_a_painted_defect_comes_back_to_its_points(make, seed, scale):
    """What the pictures show in one place must return to just the points of that place, in the file's order."""
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(seed)
    ball = rng.permutation(make.ball(6000))
    points = (ball @ Rotation.random(random_state=seed).as_matrix().T * scale + 3).astype(np.float32)
    defect = ball[:, 2] > 0.9
    study = make.study(points)
    maps = []
    for index in range(len(study.views())):
        shown = study.rendering(index).index
        maps.append(np.where(shown >= 0, defect[np.maximum(shown, 0)], False))
    values = study.lift(np.array(maps, np.float32)).values
    assert values[defect].mean() > 0.9
    assert values[~defect & (ball[:, 2] < 0.8)].max() < 0.05
    (region, *rest) = study.lift(np.array(maps, np.float32)).regions(0.5)
    assert not [other for other in rest if other.size > 20]
    np.testing.assert_allclose(region.centroid, points[defect].mean(axis=0), atol=0.05 * scale)


def test_nothing_shines_through_to_the_far_side(make):
    """A hot front wall must not heat the back wall behind it."""
    rng = np.random.default_rng(0)
    front = np.concatenate([rng.random((9000, 2)), np.full((9000, 1), 0.2)], axis=1)
    back = np.concatenate([rng.random((9000, 2)), np.zeros((9000, 1))], axis=1)
    points = np.concatenate([front, back]).astype(np.float32)
    study = make.study(points)
    hot = np.arange(len(points)) < len(front)
    maps = [
        np.where(study.rendering(i).index >= 0, hot[np.maximum(study.rendering(i).index, 0)], False) for i in range(9)
    ]
    values = study.lift(np.array(maps, np.float32)).values
    inner = ((points[:, :2] > 0.08) & (points[:, :2] < 0.92)).all(axis=1)
    assert values[hot & inner].min() > 0.9
    assert values[~hot & inner].max() < 0.1


def test_points_that_no_view_sees_are_filled_and_marked(make):
    shell, core = make.ball(8000), 0.2 * make.ball(300)
    study = make.study(np.concatenate([shell, core]))
    lifted = study.lift(constant(study, 0.7))
    assert lifted.filled[8000:].all()
    assert (lifted.seen_count[8000:] == 0).all()
    assert not lifted.filled[:8000].any()
    np.testing.assert_allclose(lifted.values, 0.7, atol=1e-4)


def test_a_mesh_gives_one_score_per_vertex_even_for_unused_ones(make):
    mesh = make.torus()
    points = np.concatenate([np.asarray(mesh.vertices), [[9, 9, 9]]]).astype(np.float32)
    study = make.study(points, faces=np.asarray(mesh.triangles, np.int32))
    lifted = study.lift(constant(study))
    assert lifted.values.shape == (601,)
    np.testing.assert_allclose(lifted.values, 0.5, atol=1e-5)


def test_faces_through_nan_vertices(make):
    mesh = make.torus()
    points = np.asarray(mesh.vertices).astype(np.float32)
    points[:20] = np.nan
    study = make.study(points, faces=np.asarray(mesh.triangles, np.int32))
    values = study.lift(constant(study)).values
    assert (values[:20] == 0).all()
    np.testing.assert_allclose(values[20:], 0.5, atol=1e-5)


def test_one_map_per_view_is_asked_for(make):
    study = make.study(make.ball(500))
    with pytest.raises(ValueError, match="8 maps for 9 views"):
        study.lift(np.zeros((8, 5, 5)))


def test_strays_are_left_out_of_the_views_but_not_of_the_output(make):
    ball, strays = make.ball(4000), np.random.default_rng(0).uniform(-20, 20, (12, 3)).astype(np.float32)
    study = make.study(np.concatenate([ball, strays]))
    study.leave_out("stray points", find_outliers)
    assert not study.drawn[4000:].any()
    assert study.drawn[:4000].mean() > 0.99
    lifted = study.lift(constant(study))
    assert lifted.values.shape == (4012,)
    assert (lifted.values[4000:] == 0).all()
    assert study.rendering(0).geometry.mask.mean() > 0.5, "the ball fills the picture"


@pytest.mark.parametrize("far", [3, 30, 3000])
def test_a_far_stray_does_not_set_the_frame(make, far):
    ball = make.ball(4000)
    alone, with_stray = make.study(ball), make.study(np.append(ball, np.float32([[far, 0, 1]]), axis=0))
    assert with_stray.drawn.tolist() == [True] * 4000 + [False]
    np.testing.assert_array_equal(with_stray.normalised[:4000], alone.normalised)
    assert with_stray.radius == alone.radius
    assert "1 stray points far from everything else" in with_stray.notes[0]


def test_a_second_part_and_a_thin_arm_are_no_strays(make):
    ball = make.ball(4000)
    arm = np.stack([np.linspace(1, 4, 35), np.zeros(35), np.zeros(35)], axis=1).astype(np.float32)
    for more in (ball[::20] + 9, arm):
        assert make.study(np.concatenate([ball, more])).drawn.all()


def test_the_table_is_left_out(make):
    rng = np.random.default_rng(0)
    table = np.concatenate([rng.uniform(-3, 3, (6000, 2)), rng.normal(0, 0.002, (6000, 1))], axis=1)
    ball = make.ball(4000) + np.float32((0, 0, 1))
    study = make.study(np.concatenate([table, ball]).astype(np.float32))
    study.leave_out("points of the supporting plane", find_support_plane)
    assert study.drawn[:6000].mean() < 0.05
    assert study.drawn[6000:].mean() > 0.97
    assert "not in the views" in study.notes[-1]


def test_an_object_without_a_table_is_left_whole(make):
    study = make.study(make.ball(4000))
    study.leave_out("points of the supporting plane", find_support_plane)
    assert study.drawn.all()


def test_options_of_the_door(make, folder):
    ball, strays = make.ball(3000), np.random.default_rng(0).uniform(-9, 9, (9, 3))
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(np.concatenate([ball, strays])))
    o3d.io.write_point_cloud(str(folder / "c.ply"), cloud)
    study = open_pointcloud(folder / "c.ply", backend="numpy", remove_outliers=True, remove_plane=True)
    assert "9 stray points far from everything else" in study.notes[0]
    assert len(study.notes) == 3
    assert len(study.lift(constant(study)).values) == 3009


@pytest.mark.data
@pytest.mark.parametrize("name", ["spot.obj", "igea.ply", "teapot.obj", "nut.ply", "ant.ply"])
def test_real_shapes(data_folder, name):
    study = open_pointcloud(data_folder / "pointcloud" / "meshes" / name, backend="open3d")
    lifted = study.lift(constant(study))
    np.testing.assert_allclose(lifted.values, 0.5, atol=1e-4)
    assert lifted.filled.mean() < 0.35
    assert Path(study.source).name == name
