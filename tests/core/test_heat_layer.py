from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from looktwice.core.colours import CONTOUR_RGB, css_gradient, heat_lut
from looktwice.core.heat_layer import heat_layer, resize_heat

NO_LINE = 2.0
"""A threshold that no score reaches."""


def test_opacity_rises_with_heat_and_leaves_normal_material_visible():
    alpha = heat_lut()[:, 3].astype(int)
    assert (np.diff(alpha) >= 0).all()
    assert alpha[0] == 0
    assert alpha[51] < 0.1 * 255  # a score of 0.2
    assert 0.7 * 255 < alpha[-1] < 0.9 * 255


def test_lightness_of_the_scale_rises_evenly():
    rgb = heat_lut()[:, :3] / 255
    luminance = rgb @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(luminance) > -0.004).all()
    assert "#000004" in css_gradient()


@given(st.floats(0, 1, width=32), arrays(np.float32, (6, 5), elements=st.floats(0, 1, width=32)))
def test_a_score_looks_the_same_in_every_map(score, others):
    heat = others.copy()
    heat[2, 3] = score
    alone = heat_layer(np.full((6, 5), score, np.float32), (5, 6), NO_LINE)
    among = heat_layer(heat, (5, 6), NO_LINE)
    assert among.index[2, 3] == alone.index[2, 3]


def test_the_line_follows_the_threshold():
    columns = np.linspace(0, 1, 101, dtype=np.float32)
    heat = np.repeat(columns[None], 40, axis=0)
    drawn = heat_layer(heat, (101, 40), 0.6).over(np.zeros((40, 101, 3), np.uint8))
    blue = drawn[..., 2].astype(int) - drawn[..., 0]
    assert set(np.flatnonzero((blue > 60).all(axis=0))) <= {59, 60, 61}
    assert np.abs(drawn[:, 60].astype(int) - CONTOUR_RGB).max() < 30


def test_a_plateau_at_the_threshold_is_not_painted_over():
    layer = heat_layer(np.full((30, 30), 0.5, np.float32), (30, 30), 0.5)
    assert layer.index.max() < 240


def test_the_layer_in_a_page_is_the_layer_in_the_picture():
    rng = np.random.default_rng(0)
    heat = rng.random((9, 12), dtype=np.float32)
    layer = heat_layer(heat, (120, 90), 0.5)
    buffer = io.BytesIO()
    layer.as_image().save(buffer, format="PNG")
    read = np.asarray(Image.open(buffer).convert("RGBA"))
    np.testing.assert_array_equal(read, layer.palette[layer.index])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1)])
def test_tiny_maps_are_stretched_over_the_picture(shape):
    assert heat_layer(np.full(shape, 0.7, np.float32), (31, 17), 0.5).index.shape == (17, 31)


def test_heat_stays_in_range_and_nan_counts_as_nothing():
    heat = np.zeros((4, 4), np.float32)
    heat[1, 1], heat[2, 2] = np.nan, 1.0
    large = resize_heat(heat, (64, 64))
    assert large.min() == 0
    assert large.max() <= 1
    assert resize_heat(heat, (4, 4))[1, 1] == 0
