from __future__ import annotations

import numpy as np

from looktwice.classification.golden_template import GoldenTemplates, difference

from .test_drawing import BOARD, flawed, picture


def test_edges_that_moved_by_a_pixel_are_no_flaw():
    moved = np.roll(BOARD, 1, axis=0)
    moved[0] = False
    assert difference(moved, BOARD).max() == 0
    assert difference(flawed("spur")[0], BOARD).max() > 0.5


def test_a_template_is_found_among_other_drawings_and_only_if_there_is_one():
    turned = picture(np.ascontiguousarray(BOARD.T))
    templates = GoldenTemplates([turned, picture(BOARD)], dark=True)
    board, _ = flawed("short")
    assert templates.find(picture(board)) == 1
    assert templates.compare(picture(board), 1)[36, 48] > 0.5
    assert GoldenTemplates([turned], dark=True).find(picture(board)) is None
    assert templates.find(picture(board)[:50]) is None
