from __future__ import annotations

import numpy as np
import pytest

from looktwice.core.colours import CONTOUR_RGB
from looktwice.report.picture import Picture
from looktwice.report.sheet import COLUMNS, TILE, contact_sheet, photograph_sheet


def pictures(count: int, size: tuple[int, int] = (50, 70), name: str = "view") -> list[Picture]:
    grey = np.full((*size, 3), 120, np.uint8)
    return [Picture(name, grey, np.zeros((7, 7), np.float32), 0.9 - 0.1 * n) for n in range(count)]


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 3, 2), (6, 3, 2)])
def test_views_stand_in_rows_of_three(count, columns, rows):
    sheet = contact_sheet(pictures(count), 0.5)
    assert columns <= COLUMNS
    assert columns * TILE < sheet.width < columns * TILE + 160
    assert rows * TILE < sheet.height < rows * TILE + 130


def test_only_the_worst_of_several_views_is_framed():
    sheet = np.asarray(contact_sheet(pictures(2), 0.5))
    frame = (sheet == CONTOUR_RGB).all(axis=2)
    left, right = frame[:, : TILE + 20], frame[:, TILE + 20 : 2 * TILE]
    assert left.sum() > 4 * TILE
    assert right.sum() == 0


def test_a_long_name_stays_within_its_tile():
    short, long = contact_sheet(pictures(1, name="x"), 0.5), contact_sheet(pictures(1, name="ä" * 300), 0.5)
    assert short.size == long.size
    differing = np.flatnonzero((np.asarray(short) != np.asarray(long)).any(axis=(0, 2)))
    assert differing.max() < TILE - 30  # the score's place stays free


def test_a_photograph_keeps_its_own_pixels_and_only_a_large_one_is_reduced():
    small = photograph_sheet(pictures(1, size=(200, 300))[0], 0.5)
    assert small.height == 200
    np.testing.assert_array_equal(np.asarray(small)[:, :300], 120)
    large = photograph_sheet(pictures(1, size=(2000, 4000))[0], 0.5)
    assert large.height == 800


@pytest.mark.parametrize("threshold", [0.0, 0.02, 0.5, 1.0])
def test_the_colour_bar_marks_the_threshold(threshold):
    sheet = np.asarray(photograph_sheet(pictures(1, size=(300, 300))[0], threshold))
    rows = np.flatnonzero((sheet[:, 312:330] == CONTOUR_RGB).all(axis=2).all(axis=1))
    assert 1 - (rows.mean() - 14) / 272 == pytest.approx(threshold, abs=0.01)
