from __future__ import annotations

import numpy as np

from looktwice.evidence.comparisons.golden_templates import GoldenTemplates, difference, is_drawing

from .test_drawing import BOARD, flawed, picture


def test_edges_that_moved_by_a_pixel_are_no_flaw():
    moved = np.roll(BOARD, 1, axis=0)
    moved[0] = False
    assert difference(moved, BOARD).max() == 0
    assert difference(flawed("spur")[0], BOARD).max() > 0.5


def test_a_template_is_found_among_other_drawings_and_only_if_there_is_one():
    turned = picture(np.ascontiguousarray(BOARD.T))
    templates = GoldenTemplates([turned, picture(BOARD)])
    board, _ = flawed("short")
    assert templates.find(picture(board)) == 1
    assert templates.compare(picture(board), 1)[36, 48] > 0.5
    assert GoldenTemplates([turned]).find(picture(board)) is None
    assert templates.find(picture(board)[:50]) is None


def test_drawings_are_told_from_photographs():
    assert is_drawing(picture(BOARD))
    assert not is_drawing(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    assert not is_drawing(np.full((64, 64, 3), 200, np.uint8))


def test_it_does_not_matter_whether_material_is_dark_or_bright():
    board, _ = flawed("short")
    dark = GoldenTemplates([picture(BOARD)]).compare(picture(board), 0)
    bright = GoldenTemplates([255 - picture(BOARD)]).compare(255 - picture(board), 0)
    assert dark.max() > 0.5
    assert abs(dark.max() - bright.max()) < 0.1
