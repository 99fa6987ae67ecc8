"""Which views an LLM is shown, when a study has more of them than it can read.

The expert's significance decides: the most significant views are shown whole, further ones contribute only the few
tokens that the expert selected, each behind a label that says where it lies. What does not fit is left to the
study's one global token, which weighs all views. The cost never exceeds the budget, however many views there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from looktwice.core.errors import UsageError

WHOLE_SHARE = 0.75
"""Share of the budget that whole views may take while other views still wait for their selected tokens."""

SPREAD = 64
"""Whole views lie at least 1 / SPREAD of the study apart: the neighbours of a suspicious slice show the same again."""


@dataclass(frozen=True)
class ViewPlan:
    """Which views are shown, and how.

    Attributes
    ----------
    whole : tuple of int
        Indices of the views shown whole, ascending.
    selected : tuple of int
        Indices of the views of which only the selected tokens are shown, ascending.
    total : int
        How many views the study has.
    tokens : int
        What the plan costs, labels included; at most the budget.

    Examples
    --------
    >>> plan = plan_views([0.1, 0.9, 0.2, 0.3], whole_cost=100, selected_cost=20, budget=150)
    >>> plan.whole, plan.selected, plan.tokens  # the other view is left to the global token
    ((1,), (2, 3), 140)
    """

    whole: tuple[int, ...]
    selected: tuple[int, ...]
    total: int
    tokens: int

    @property
    def shown(self) -> tuple[int, ...]:
        """All indices that are shown in either way, ascending."""
        return tuple(sorted((*self.whole, *self.selected)))


def plan_views(
    significance: Sequence[float],
    whole_cost: int,
    selected_cost: int,
    budget: int,
    base: int | None = None,
    spread: int = SPREAD,
) -> ViewPlan:
    """Choose the views that are shown whole, and those that contribute their selected tokens.

    Parameters
    ----------
    significance : sequence of float, length V
        LTFM's significance of each view, in the order of the views.
    whole_cost, selected_cost : int
        Tokens of a view that is shown whole, or, which is less, by its selected tokens only; with its label.
    budget : int
        Most tokens that the study may take.
    base : int, optional
        The view that stands for the whole study; it is shown whole before any other, as far as the budget goes.
    spread : int
        Whole views are at least ``V // spread`` indices apart, unless there is room to show them all.

    Returns
    -------
    ViewPlan

    Raises
    ------
    UsageError
        Not even one view's selected tokens fit; the line names the smallest budget that works.
    """
    total = len(significance)
    if total == 0 or whole_cost <= selected_cost:
        raise ValueError(f"{total} views at {whole_cost} whole and {selected_cost} selected tokens cannot be planned")
    if budget < selected_cost:
        raise UsageError(f"--max-visual-tokens {budget} is too small for one view; give at least {selected_cost}")
    if total * whole_cost <= budget:
        return ViewPlan(tuple(range(total)), (), total, total * whole_cost)

    ranked = sorted(range(total), key=lambda view: (-_finite(significance[view]), view))
    first = ranked if base is None else [base, *(view for view in ranked if view != base)]
    # One whole view may take the whole budget; more of them leave a share to the others' selected tokens, or as much
    # as those need.
    room = max(
        math.floor(WHOLE_SHARE * budget) // whole_cost,
        (budget - total * selected_cost) // (whole_cost - selected_cost),
        min(1, budget // whole_cost),
    )
    whole = _apart(first, gap=max(1, total // spread))[:room]
    left = budget - len(whole) * whole_cost
    selected = [view for view in ranked if view not in whole][: left // selected_cost]
    tokens = len(whole) * whole_cost + len(selected) * selected_cost
    return ViewPlan(tuple(sorted(whole)), tuple(sorted(selected)), total, tokens)


def _apart(ranked: Sequence[int], gap: int) -> list[int]:
    """Keep, in order, the views that lie at least `gap` indices from every one kept before."""
    kept: list[int] = []
    for view in ranked:
        if all(abs(view - other) >= gap for other in kept):
            kept.append(view)
    return kept


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
