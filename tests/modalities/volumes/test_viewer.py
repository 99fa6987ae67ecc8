from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from looktwice.modalities.volumes.viewer import display_grid, sprite

from ...made_studies import HOT_WORLD


def unsprite(sheet: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Read a sheet back as brainsprite does, one sagittal slice after the other."""
    x, y, z = shape
    columns = sheet.shape[1] // y
    slices = [
        sheet[n // columns * z : (n // columns + 1) * z, n % columns * y : (n % columns + 1) * y] for n in range(x)
    ]
    return np.stack([part[::-1].T for part in slices])


def decode(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 4, 3), (7, 2, 9), (16, 3, 3), (300, 300, 1), (1, 40, 300)])
def test_a_sprite_holds_every_slice(shape):
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    sheet = sprite(values)
    np.testing.assert_array_equal(unsprite(sheet, shape), values)
    assert max(sheet.shape) <= max(2.2 * values.size**0.5, *shape)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL"])
@pytest.mark.parametrize("max_voxels", [60_000, 3_000_000])
def test_the_display_is_radiological_and_its_coordinates_are_right(make_volume, codes, max_voxels):
    made = make_volume(codes, spacing=(2.0, 2.5, 3.0))
    study = made.study
    grid = display_grid(study.orientation, study.foreground.extent, study.scan.voxels.shape, max_voxels)
    shown = grid.arrange(made.study.windows(made.study.scan.voxels[grid.box])[..., 0])
    assert shown.shape == grid.shape
    assert shown.size < 1.4 * max_voxels

    bright = np.argwhere(shown > 230).mean(axis=0)
    to_world = made.study.scan.affine @ grid.to_voxel
    np.testing.assert_allclose((to_world @ [*bright, 1])[:3], HOT_WORLD, atol=2.0)
    # x runs from the patient's right to left, y to the front, z to the head, in equal steps.
    np.testing.assert_array_equal(np.sign(np.diag(to_world)[:3]), [-1, 1, 1])
    steps = np.abs(np.diag(to_world)[:3])
    assert steps.max() / steps.min() < 1.1


def test_the_viewer_starts_at_the_worst_region_and_overlays_the_heat(make_volume):
    made = make_volume("LPS")
    region = made.result.regions[0]
    viewer = made.result.heatmap.viewer(0.5, region.centroid).values
    setup = viewer["setup"]
    np.testing.assert_allclose((np.array(setup["toWorld"]) @ [*setup["start"], 1])[:3], HOT_WORLD, atol=4.0)
    heat, anatomy = decode(viewer["heat"]), decode(viewer["anatomy"])
    assert heat.shape == anatomy.shape
    volume = unsprite(heat, setup["shape"])
    assert volume[tuple(setup["start"])] / 255 == pytest.approx(region.score, abs=0.1)
    assert "brainsprite" in viewer["brainsprite"]


def test_without_a_focus_the_viewer_starts_at_the_peak(make_volume):
    made = make_volume("PIR")
    setup = made.result.heatmap.viewer(0.5).values["setup"]
    np.testing.assert_allclose((np.array(setup["toWorld"]) @ [*setup["start"], 1])[:3], HOT_WORLD, atol=14.0)


def test_a_map_that_takes_in_what_was_measured_elsewhere_keeps_its_viewer(make_volume):
    heatmap = make_volume().result.heatmap
    assert heatmap.joined(highest=[], added=[], own=True).viewer(0.5) is not None


def test_no_viewer_where_the_script_is_not_installed(make_volume, monkeypatch):
    made = make_volume()
    monkeypatch.setattr("looktwice.modalities.volumes.viewer.installed_script", lambda package, name: None)
    assert made.result.heatmap.viewer(0.5) is None
