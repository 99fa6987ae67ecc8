import numpy as np
import pytest

from looktwice.core.errors import UsageError
from looktwice.modalities.rendering.backends import BACKENDS, get_rasterizer
from looktwice.modalities.rendering.cameras import place_cameras
from looktwice.modalities.rendering.chunks import CHUNK
from looktwice.modalities.rendering.renderer import render
from looktwice.modalities.rendering.zbuffer import EMPTY, depth_of


def renderings(surface, frame, backend, views=4):
    cameras = place_cameras(surface.points, frame, views, 128)
    return list(render(surface, cameras, backend))


@pytest.mark.parametrize("backend", ["open3d", "pytorch3d"])
def test_back_ends_show_the_same_points(shapes, backend):
    pytest.importorskip(backend)
    surface, frame = shapes.surface(shapes.bracket(3000)), shapes.frame(shapes.bracket(3000))
    for ours, theirs in zip(renderings(surface, frame, "numpy"), renderings(surface, frame, backend), strict=True):
        assert ours.camera.name == theirs.camera.name
        union = (ours.index >= 0) | (theirs.index >= 0)
        both = (ours.index >= 0) & (theirs.index >= 0)
        assert both.sum() / union.sum() > 0.97
        assert (ours.index == theirs.index)[union].mean() > 0.97
        difference = np.abs(ours.picture().astype(int) - theirs.picture())
        assert difference.mean() < 2


@pytest.mark.parametrize("backend", ["open3d", "numpy"])
def test_chunks_make_one_picture(shapes, backend):
    # More points than a chunk, the nearest of them in the last one.
    far = np.tile(shapes.slab(1, 1, 2000), ((CHUNK + 4000) // 2000, 1))
    near = shapes.slab(0.5, 0.5, 2000) + np.float32((0, 0, 0.2))
    points = np.concatenate([far, near]).astype(np.float32)
    frame = shapes.frame(points[-6000:])
    camera = place_cameras(points, frame, 2, 64)
    seen = [
        np.unique(np.where(keys == EMPTY, 0, keys & 0xFFFFFFFF)) for keys in get_rasterizer(backend)(points, camera)
    ]
    assert max((indices >= len(far)).sum() for indices in seen) > 500
    assert max(indices.max() for indices in seen) < len(points)


def test_the_nearest_point_of_a_pixel_wins(shapes):
    points = shapes.bracket(2000)
    (camera,) = place_cameras(points, shapes.frame(points), 1, 64)
    column, row, depth = camera.project(points)
    expected = np.full((64, 64), np.inf)
    for u, v, z in zip(np.rint(column).astype(int), np.rint(row).astype(int), depth, strict=True):
        expected[v, u] = min(expected[v, u], z)
    for backend in ("numpy", "open3d"):
        (keys,) = get_rasterizer(backend)(points, [camera])
        np.testing.assert_allclose(depth_of(keys), expected, rtol=1e-5)


def test_unknown_back_end_says_which_there_are():
    with pytest.raises(UsageError, match="open3d, pytorch3d, numpy"):
        get_rasterizer("vulkan")
    assert "open3d" in BACKENDS
