from __future__ import annotations

import numpy as np

from looktwice.classification.contour import RED, SHOWN_SIDE, cut, draw_contour, shown


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
