from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from looktwice.core.errors import UsageError
from looktwice.reasoning.view_budget import plan_views

WHOLE, SELECTED = 745, 14


def plan(significance: list[float], budget: int, **more):
    return plan_views(significance, WHOLE, SELECTED, budget, **more)


def test_a_small_study_is_shown_whole():
    assert plan([0.1, 0.9, 0.5], budget=3 * WHOLE).whole == (0, 1, 2)


def test_the_most_significant_views_are_whole_and_the_next_give_selected_tokens():
    significance = [0.1, 0.2, 0.9, 0.3, 0.8, 0.4]
    chosen = plan(significance, budget=3 * WHOLE)
    assert chosen.whole == (2, 4)
    assert chosen.selected == (0, 1, 3, 5)
    assert chosen.tokens == 2 * WHOLE + 4 * SELECTED


def test_the_base_view_is_shown_first():
    significance = [0.0, 0.9, 0.8]
    chosen = plan(significance, budget=WHOLE + 2 * SELECTED, base=0)
    assert chosen.whole == (0,)
    assert chosen.selected == (1, 2)


def test_neighbours_of_a_suspicious_slice_do_not_crowd_out_the_rest():
    significance = [0.0] * 640
    for index in range(300, 310):
        significance[index] = 0.9 - 0.001 * (index - 300)
    significance[20] = 0.5
    chosen = plan(significance, budget=3 * WHOLE)
    assert 300 in chosen.whole
    assert 20 in chosen.whole
    assert 301 not in chosen.whole
    assert 301 in chosen.selected


def test_too_small_a_budget_names_the_smallest_that_works():
    with pytest.raises(UsageError, match=str(SELECTED)):
        plan([0.5, 0.4], budget=SELECTED - 1)
    assert plan([0.5, 0.4], budget=SELECTED).selected == (0,)


def test_a_budget_below_one_whole_view_still_shows_selected_tokens():
    chosen = plan([0.5, 0.4, 0.3], budget=2 * SELECTED)
    assert (chosen.whole, chosen.selected) == ((), (0, 1))


def test_cost_is_flat_in_the_number_of_views():
    budget = 4000
    costs = [plan([((i * 37) % 101) / 101 for i in range(number)], budget).tokens for number in (50, 500, 5000)]
    assert max(costs) <= budget
    assert max(costs) - min(costs) <= WHOLE


significances = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=80)


@given(significances, st.integers(SELECTED, 20_000), st.integers(1, 64), st.data())
def test_the_plan_keeps_to_the_budget_and_to_the_views(significance, budget, spread, data):
    base = data.draw(st.none() | st.integers(0, len(significance) - 1))
    chosen = plan(significance, budget, base=base, spread=spread)
    assert chosen.tokens == len(chosen.whole) * WHOLE + len(chosen.selected) * SELECTED <= budget
    assert not set(chosen.whole) & set(chosen.selected)
    assert set(chosen.shown) <= set(range(len(significance)))
    assert chosen.shown


@given(significances, st.integers(SELECTED, 10_000), st.integers(0, 10_000))
def test_a_larger_budget_never_shows_fewer_views(significance, budget, more):
    smaller, larger = plan(significance, budget), plan(significance, budget + more)
    assert len(larger.whole) >= len(smaller.whole)
    assert larger.tokens >= smaller.tokens - WHOLE


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60, unique=True), st.integers(800, 20_000))
def test_whole_views_are_the_most_significant_ones(significance, budget):
    chosen = plan(significance, budget)
    others = [significance[view] for view in range(len(significance)) if view not in chosen.whole]
    assert min(significance[view] for view in chosen.whole) >= max(others, default=0.0)
