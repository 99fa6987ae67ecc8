import numpy as np
import pytest

from looktwice.modalities.rendering.cameras import MARGIN, MAX_ZOOM, place_cameras
from looktwice.modalities.rendering.renderer import CHANNELS, render

SIZE = 160


def views_of(shapes, points, views=6):
    surface = shapes.surface(points)
    return list(render(surface, place_cameras(surface.points, shapes.frame(points), views, SIZE), "numpy"))


def seen_by(rendering, points):
    return rendering.visible(np.ascontiguousarray(points, np.float32)) < SIZE * SIZE


@pytest.mark.parametrize("count", [3_000, 40_000])
def test_a_ball_is_seen_on_its_near_side_only(shapes, count):
    points = shapes.ball(count)
    for rendering in views_of(shapes, points):
        cosine = points @ rendering.camera.toward
        seen = seen_by(rendering, points)
        assert seen[cosine > 0.3].all()
        assert not seen[cosine < -0.3].any()


def test_what_stands_behind_is_not_seen(shapes):
    front, back = shapes.slab(1, 1, 8000), shapes.slab(0.8, 0.8, 8000, seed=1) - np.float32((0, 0, 0.3))
    points = np.concatenate([front, back])
    looking = [view for view in views_of(shapes, points, 2) if view.camera.toward[2] > 0.9]
    seen = seen_by(looking[0], points)
    assert seen[: len(front)].all()
    assert not seen[len(front) :].any()


def test_nan_is_never_seen(shapes):
    points = shapes.ball(3000)
    rendering = views_of(shapes, points, 1)[0]
    assert not seen_by(rendering, np.full((5, 3), np.nan)).any()


def test_normals_and_curvature_of_a_ball(shapes):
    rendering = views_of(shapes, shapes.ball(40_000), 1)[0]
    rows, columns = np.nonzero(rendering.geometry.mask)
    radius = SIZE * (1 - 2 * MARGIN) / 2
    right, down = (columns - (SIZE - 1) / 2) / radius, (rows - (SIZE - 1) / 2) / radius
    core = right**2 + down**2 < 0.6
    normals = rendering.geometry.normals[:, rows, columns][:, core]
    expected = np.stack([right, down, -np.sqrt(np.maximum(1 - right**2 - down**2, 0))])[:, core]
    angle = np.degrees(np.arccos(np.clip((normals * expected).sum(axis=0), -1, 1)))
    assert np.median(angle) < 2
    assert np.quantile(angle, 0.99) < 8
    curvature = rendering.geometry.curvature[rows, columns][core]
    assert np.median(curvature) == pytest.approx(1 / (1 - 2 * MARGIN), rel=0.2)


@pytest.mark.parametrize(("height", "sign"), [(0.05, 1), (-0.05, -1)])
def test_bulges_are_light_and_dents_are_dark(shapes, height, sign):
    points = shapes.slab(2, 1.2, 60_000)
    distance = np.hypot(points[:, 0] - 0.3, points[:, 1])
    points[:, 2] += height * np.exp(-((distance / 0.12) ** 2))
    looking = next(view for view in views_of(shapes, points, 2) if view.camera.toward[2] > 0.9)
    column, row, _ = np.rint(looking.camera.project(np.float32([[0.3, 0, height]]))[:, 0]).astype(int)
    curvature = looking.geometry.curvature
    assert np.sign(curvature[row, column]) == sign
    flat_column, flat_row, _ = np.rint(looking.camera.project(np.float32([[-0.6, 0, 0]]))[:, 0]).astype(int)
    assert abs(curvature[row, column]) > 10 * abs(curvature[flat_row, flat_column])
    picture = looking.picture()[..., 0].astype(int)
    assert sign * (picture[row, column] - picture[flat_row, flat_column]) > 15


def test_noise_is_smoothed_by_as_much_as_there_is(shapes):
    clean = shapes.slab(2, 1.2, 60_000)
    noisy = clean + np.random.default_rng(0).normal(0, 0.004, clean.shape).astype(np.float32)
    spread = []
    for points in (clean, noisy):
        looking = next(view for view in views_of(shapes, points, 2) if abs(view.camera.toward[2]) > 0.9)
        spread.append(looking.geometry.facing[40:-40, 60:-60].min())
    assert spread[0] > 0.999
    assert spread[1] > 0.9


@pytest.mark.parametrize("seed", [1, 2])
def test_pictures_do_not_depend_on_pose_scale_or_order(shapes, seed):
    points = shapes.bracket(60_000)
    turn = shapes.rotation(seed)
    moved = 40 * points[np.random.default_rng(seed).permutation(len(points))] @ turn.T + 7
    for before, after in zip(views_of(shapes, points, 9), views_of(shapes, moved, 9), strict=True):
        assert before.camera.name == after.camera.name
        difference = np.abs(before.picture().astype(int) - after.picture().astype(int))
        assert difference.mean() < 6
        assert (difference > 40).mean() < 0.05


def test_pictures_do_not_depend_on_sampling(shapes):
    coarse, fine = shapes.bracket(20_000, seed=3), shapes.bracket(100_000, seed=4)
    for before, after in zip(views_of(shapes, coarse, 4), views_of(shapes, fine, 4), strict=True):
        both, either = before.geometry.mask & after.geometry.mask, before.geometry.mask | after.geometry.mask
        assert both.sum() / either.sum() > 0.93


def test_framing_is_tight(shapes):
    for rendering in views_of(shapes, shapes.bracket(20_000), 9):
        rows, columns = np.nonzero(rendering.geometry.mask)
        extent = max(np.ptp(rows), np.ptp(columns)) + 1
        widest = SIZE * (1 - 2 * MARGIN)
        assert widest / MAX_ZOOM - 3 <= extent <= widest + 3
        assert min(rows.min(), columns.min()) > 0
        assert max(rows.max(), columns.max()) < SIZE - 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_channels_are_rgb_pictures(shapes, channel):
    picture = views_of(shapes, shapes.bracket(3000), 1)[0].picture(channel)
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8
    assert np.unique(picture).size > 8


def test_a_scan_s_own_colour_is_shown(shapes):
    surface = shapes.surface(shapes.ball(5000))
    red = np.tile(np.uint8([200, 0, 0]), (5000, 1))
    coloured = type(surface)(surface.points, surface.spacing, red)
    camera = place_cameras(surface.points, shapes.frame(surface.points), 1, SIZE)
    picture = next(iter(render(coloured, camera, "numpy"))).picture()
    centre = picture[SIZE // 2, SIZE // 2]
    assert centre[0] > 60
    assert centre[1] == centre[2] == 0
