from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from looktwice.classification.traits import TRAITS, agreement, read_traits, score_classes


def test_traits_are_read_out_of_a_description_but_not_where_negated():
    assert read_traits("A small, round pit, not at the border.", drawn=False) == ("small", "compact")
    assert read_traits("Copper is missing, enclosed by copper", drawn=False) == ()
    assert read_traits("Copper is missing, enclosed by copper", drawn=True) == ("missing", "enclosed")


@given(st.sampled_from(sorted(TRAITS)), st.floats(-20, 20))
def test_agreement_is_a_probability(name, value):
    assert 0 < agreement(name, {TRAITS[name].measurement: value}) < 1
    assert agreement(name, {}) == 0.5


def test_the_class_whose_traits_agree_is_likeliest_and_shares_sum_to_one():
    shares = score_classes([["dark"], ["bright"], []], {"contrast": -4.0})
    assert shares.argmax() == 0
    assert shares.argmin() == 1
    assert shares.sum() == pytest.approx(1)
