from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looktwice.core.wording.place import PLACES, agree, hottest_place, peak_within, place_of, place_of_peak, places_in


@pytest.mark.parametrize("place", PLACES)
def test_a_point_in_each_cell(place):
    row, column = divmod(PLACES.index(place), 3)
    assert place_of(300 * (column + 0.5) / 3, 100 * (row + 0.5) / 3, width=300, height=100) == place


@given(st.floats(0, 1), st.floats(0, 1))
def test_every_point_has_a_place_that_the_text_search_finds_again(x, y):
    place = place_of(x, y, 1, 1)
    assert places_in(f"a defect in the {place} of the picture") == [place]


def test_the_peak_of_a_map():
    heat = np.zeros((9, 12), np.float32)
    heat[7:, 9:] = 0.8
    heat[0, 0] = 0.9  # one noisy cell weighs less than a patch
    assert place_of_peak(heat) == "bottom right"
    assert place_of_peak(np.full((9, 9), 0.4, np.float32)) == "center"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("in the upper left corner", ["top left"]),
        ("in the lower-right part", ["bottom right"]),
        ("on the left side, and another at the bottom", ["left", "bottom"]),
        ("near the centre of the tile", ["center"]),
        ("in the middle left region", ["left"]),
        ("at the top center", ["top"]),
        ("all right, nothing is left over", []),
        ("in the left hemisphere", []),
        ("in the patient's right lung", []),
    ],
)
def test_finding_places_in_a_text(text, places):
    assert places_in(text) == places


def test_a_coarser_word_agrees_and_a_finer_one_does_not():
    assert agree("left", "top left")
    assert agree("top", "top left")
    assert not agree("right", "top left")
    assert not agree("top left", "left")
    assert not agree("center", "top left")


def test_the_hottest_ninth_is_the_place_and_says_how_clear_it_is():
    heat = np.zeros((18, 18), np.float32)
    heat[13:17, 1:4] = 1
    place, times_mean = hottest_place(heat)
    assert (place, times_mean) == ("bottom left", pytest.approx(9.0))
    heat[0, 17] = 2
    x, y = peak_within(heat, place)
    assert 1.5 / 18 <= x <= 3.5 / 18
    assert 13.5 / 18 <= y <= 16.5 / 18


@pytest.mark.parametrize("heat", [np.zeros((9, 9)), np.full((10, 7), 0.4), np.full((3, 3), np.nan)])
def test_a_map_without_a_hot_place_is_not_clear(heat):
    place, times_mean = hottest_place(heat)
    assert place in PLACES
    assert times_mean == pytest.approx(1.0)
    x, y = peak_within(heat, place)
    assert 0 < x < 1
    assert 0 < y < 1
