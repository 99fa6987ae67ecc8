from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from looktwice.core.study import Region
from looktwice.core.wording.quantities import apart, count, number, percent, signed, size


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234, "1,234"),
        (1234567.8, "1,234,568"),
        (12.345, "12.3"),
        (100.0, "100"),
        (0.04567, "0.0457"),
        (-3.5, "−3.5"),
        (1.5e-7, "1.50e−07"),
        (float("nan"), "nan"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@given(st.floats(-1e8, 1e8).filter(lambda value: abs(value) > 1e-4))
def test_a_number_keeps_three_significant_digits(value):
    read = float(number(value).replace(",", "").replace("−", "-"))
    assert math.isclose(read, value, rel_tol=0.0051)


def test_signs_plurals_and_percentages():
    assert [signed(v) for v in (33.6, -7.2, 0.3, -0.4)] == ["+34", "−7", "0", "0"]
    assert [count(n, "region") for n in (0, 1, 1200)] == ["0 regions", "1 region", "1,200 regions"]
    assert [percent(v) for v in (0, 0.00001, 0.0012, 0.034, 0.456, 1)] == [
        "0 %", "under 0.01 %", "0.12 %", "3.4 %", "46 %", "100 %",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (340, "area_px", "340 px"),
        (8932, "area_px", "8,932 px"),
        (240.4, "volume_mm3", "240 mm³"),
        (1234, "volume_mm3", "1.23 ml"),
        (1, "points", "1 point"),
        (2500, "points", "2,500 points"),
    ],
)
def test_sizes(value, unit, text):
    assert size(Region(0.5, value, unit, (0, 0), (0, 0, 1, 1))) == text


@given(st.floats(0, 1), st.floats(0, 1))
def test_different_scores_look_different(first, second):
    assume(abs(first - second) > 2e-6)
    shown = apart(first, second)
    assert shown[0] != shown[1]
    assert (shown[0] < shown[1]) == (first < second)
