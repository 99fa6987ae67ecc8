"""Bit depths, floats, outliers and pages: the picture that is looked at, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from looktwice.modalities.images import ImageStudy, is_image
from looktwice.modalities.images.reading import read_image
from looktwice.modalities.opening import open_study

GREY = np.random.default_rng(0).uniform(0.3, 0.95, (120, 130))
EIGHT = np.floor(GREY * 255).astype(int)


def grey(path):
    return read_image(path)[..., 0].astype(int)


@pytest.mark.parametrize(
    "values",
    [
        (GREY * 4095).astype(np.uint16),
        (GREY * 65535).astype(np.uint16),
        (GREY * 511).astype(np.uint16),
        GREY.astype(np.float32),
        (GREY * 4095).astype(np.float32),
    ],
)
def test_every_depth_shows_the_same_picture(tmp_path, values):
    tifffile.imwrite(tmp_path / "a.tif", values)
    assert np.abs(grey(tmp_path / "a.tif") - EIGHT).max() <= 1


@pytest.mark.parametrize("outlier", [1e6, -1e6, np.nan, np.inf, -np.inf])
def test_one_pixel_does_not_change_the_others(tmp_path, outlier):
    values = GREY.astype(np.float32)
    values[3, 5] = outlier
    tifffile.imwrite(tmp_path / "a.tif", values)
    study = ImageStudy(tmp_path / "a.tif")
    difference = np.abs(study.views()[0].image[..., 0].astype(int) - EIGHT)
    difference[3, 5] = 0
    assert difference.max() <= 1
    assert any(note.startswith("1 ") for note in study.notes)


def test_one_saturated_pixel_does_not_darken_a_12_bit_picture(tmp_path):
    values = (GREY * 4095).astype(np.uint16)
    values[3, 5] = 65535
    tifffile.imwrite(tmp_path / "a.tif", values)
    found = grey(tmp_path / "a.tif")
    assert found[3, 5] == 255
    found[3, 5] = EIGHT[3, 5]
    assert np.abs(found - EIGHT).max() <= 1


def test_a_narrow_range_of_floats_is_stretched_and_said(tmp_path):
    tifffile.imwrite(tmp_path / "h.tif", (500 + 10 * GREY).astype(np.float32))
    study = ImageStudy(tmp_path / "h.tif")
    assert np.ptp(study.views()[0].image) == 255
    assert any("grey values from 50" in note for note in study.notes)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("scale", [1.0, 4095])
def test_colour_floats_and_16_bit_colours_are_pictures(tmp_path, planar, scale):
    colours = np.stack([GREY, GREY * 0.8, GREY * 0.6], axis=-1) * scale
    values = colours.astype(np.float32 if scale == 1 else np.uint16)
    options = {"planarconfig": "separate"} if planar else {}
    tifffile.imwrite(tmp_path / "c.tif", np.moveaxis(values, -1, 0) if planar else values, photometric="rgb", **options)
    study = open_study(tmp_path / "c.tif")
    assert study.modality == "image"
    assert np.abs(study.views()[0].image - np.floor(colours / scale * 255)).max() <= 1


def test_a_scan_in_perspective_is_a_cloud(tmp_path):
    rows, columns = np.mgrid[-1:1:60j, -1:1:80j]
    depth = 0.5 + 0.05 * np.cos(3 * rows) * np.cos(3 * columns) + 0.1 * rows
    scan = np.stack([columns * depth, rows * depth, depth], axis=-1).astype(np.float32)
    scan[20:30, 30:50] = 0
    tifffile.imwrite(tmp_path / "s.tif", scan)
    assert open_study(tmp_path / "s.tif").modality == "pointcloud"


def test_further_pages_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "p.tif", np.stack([EIGHT] * 3).astype(np.uint8), photometric="minisblack")
    assert any("first of 3 pages" in note for note in ImageStudy(tmp_path / "p.tif").notes)


def test_jpeg_2000_is_a_picture(tmp_path):
    Image.fromarray(EIGHT.astype(np.uint8)).save(tmp_path / "a.jp2")
    assert is_image(tmp_path / "a.jp2")
    assert np.array_equal(grey(tmp_path / "a.jp2"), EIGHT)
