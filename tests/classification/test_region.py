from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.classification.contour import RED, SHOWN_SIDE, cut, draw_contour, shown
from looktwice.classification.measurements import NAMES, measure_region
from looktwice.classification.region_tokens import crop_around, region_tokens


def measured(image, mask):
    return dict(zip(NAMES, measure_region(image, mask), strict=True))


def test_tone_shape_and_place_are_measured(parts):
    dark, bright = (measured(parts.plate(1, tone), parts.disc()) for tone in (10, 240))
    assert dark["contrast"] < -2 < 2 < bright["contrast"]
    assert dark["compactness"] > 0.8
    assert dark["border_contact"] == 0
    bar = np.zeros((64, 64), bool)
    bar[2:60, 30:34] = True
    standing, lying = measured(parts.plate(1), bar), measured(parts.plate(1), bar.T)
    assert standing["log_elongation"] > 3
    assert standing["upright"] > 0.8
    assert lying["upright"] < -0.8
    corner = np.zeros((64, 64), bool)
    corner[:8, :8] = True
    assert measured(parts.plate(1), corner)["border_contact"] == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 63), st.integers(0, 63), st.integers(1, 64), st.integers(1, 64))
def test_any_region_has_finite_measurements(parts, top, left, height, width):
    mask = np.zeros((64, 64), bool)
    mask[top : top + height, left : left + width] = True
    assert np.isfinite(measure_region(parts.plate(2), mask)).all()


def test_an_empty_region_is_refused(parts):
    with pytest.raises(ValueError, match="0 pixels"):
        measure_region(parts.plate(1), np.zeros((64, 64), bool))


def test_a_map_is_cut_at_the_threshold_and_is_never_empty():
    heat = np.zeros((16, 16), np.float32)
    heat[4:6, 4:6] = 0.9
    mask = cut(heat, (64, 64), 0.5)
    assert mask.shape == (64, 64)
    assert mask[20, 20]
    assert mask.mean() < 0.05
    assert cut(heat * 0.1, (64, 64), 0.5).any()
    assert cut(np.zeros((16, 16), np.float32), (64, 64), 0.5).any()


def test_a_saturated_finding_is_cut_out_whole():
    heat = np.zeros((24, 24), np.float32)
    heat[8:16, 8:16] = 0.99
    heat[8:16, 8] = heat[8:16, 15] = heat[8, 8:16] = heat[15, 8:16] = 0.999  # brightest along its rim
    heat[10:14, 10:14] = 0.7  # and faint inside, below where it is cut
    mask = cut(heat, (96, 96), 0.5)
    assert mask[34:62, 34:62].all()
    assert mask.sum() < 1.4 * 32**2
    frame = np.full((24, 24), 0.9, np.float32)
    frame[3:-3, 3:-3] = 0
    assert not cut(frame, (96, 96), 0.5)[48, 48], "what runs around the picture does not hold all of it"


def test_the_contour_is_two_red_pixels_outside_the_region(parts):
    image, mask = parts.plate(1), parts.disc()
    drawn = draw_contour(image, mask)
    assert (drawn[mask] == image[mask]).all()
    red = (drawn == RED).all(axis=2)
    row = red[40]
    assert row[24 - 9 : 24 - 7].all()
    assert row.sum() == 4


def test_pictures_are_shown_at_448(parts):
    assert shown(parts.plate(1)).shape == (SHOWN_SIDE, SHOWN_SIDE, 3) == (448, 448, 3)
    tiny = np.zeros((64, 64), bool)
    tiny[3, 3] = True
    assert (shown(parts.plate(1), tiny) == RED).all(axis=2).any()


def test_a_crop_holds_its_region_and_stays_in_the_picture(parts):
    image, mask = parts.plate(1, 10, (5, 60)), parts.disc((5, 60))
    crop, inside = crop_around(image, mask, 4.0)
    assert crop.shape[0] == crop.shape[1] == inside.shape[0]
    assert inside.sum() == mask.sum()


def test_tokens_of_a_region_are_finite_and_tell_tones_apart(parts, inspector):
    tokens = region_tokens(
        inspector.expert.encoder,
        [parts.plate(1, 10), parts.plate(2, 10), parts.plate(3, 240)],
        [parts.disc()] * 3,
        (0, 1, 2, 3),
    )
    assert tokens.shape == (3, 2 * 2 * (6 + 8 + 10 + 12))
    assert np.isfinite(tokens).all()
    assert np.linalg.norm(tokens[0] - tokens[1]) < np.linalg.norm(tokens[0] - tokens[2])
