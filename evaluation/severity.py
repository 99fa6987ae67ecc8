"""Normal, negligible or defect: VELM's three-way protocol.

No benchmark says which anomalies are negligible, so the published protocol draws them: in every category one class of
anomaly (two where there are more than four) is declared negligible, the rest are defects, and the accuracy of each of
the three is averaged over several draws.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from looktwice.evaluation.velm import GOOD, Taxonomy, Verdict

KINDS = ("normal", "negligible", "defect")
SEEDS = 5


def evaluate_severity(verdicts: Sequence[Verdict], taxonomy: Taxonomy, *, seeds: int = SEEDS) -> dict[str, Any]:
    """Compute the three-way accuracy over `seeds` draws of the negligible classes.

    A sample is right when its predicted class is of the same kind as its true one; an answer that is no class counts
    as a defect, the cautious reading.

    Returns
    -------
    dict
        ``categories`` (name to accuracy per kind, and ``std`` over the draws), ``mean`` per kind over categories and
        ``mean_of_kinds``, their average, the published figure. A kind that never occurs in a category counts as
        0, as published.
    """
    counts = _shown_counts(verdicts, taxonomy)
    draws = [_accuracies(verdicts, _draw(taxonomy, counts, seed)) for seed in range(seeds)]
    categories = {}
    for name in dict.fromkeys(verdict.category for verdict in verdicts):
        table = np.array([[draw[name][kind] for kind in KINDS] for draw in draws])
        means, spreads = table.mean(axis=0), table.std(axis=0)
        categories[name] = {
            **dict(zip(KINDS, map(float, means), strict=True)),
            "std": dict(zip(KINDS, map(float, spreads), strict=True)),
        }
    mean = {kind: float(np.mean([row[kind] for row in categories.values()])) for kind in KINDS}
    return {
        "seeds": seeds,
        "categories": categories,
        "mean": mean,
        "mean_of_kinds": float(np.mean(list(mean.values()))),
    }


def _shown_counts(verdicts: Sequence[Verdict], taxonomy: Taxonomy) -> dict[str, Counter[str]]:
    """Count the samples of each category by the name shown for their true class."""
    counts: dict[str, Counter[str]] = {category: Counter() for category in taxonomy}
    for verdict in verdicts:
        counts[verdict.category][taxonomy[verdict.category].get(verdict.truth, verdict.truth)] += 1
    return counts


def _draw(taxonomy: Taxonomy, counts: dict[str, Counter[str]], seed: int) -> dict[str, set[str]]:
    """Draw the negligible classes of every category.

    To agree with the published figures the classes are shuffled from the published order: by the number of samples
    filed under the class's own key. Since those are counted under the name *shown*, it is 0 wherever the two differ.
    """
    generator = random.Random(seed)
    negligible = {}
    for category, classes in taxonomy.items():
        order = sorted(classes, key=lambda name: -counts[category][name])
        generator.shuffle(order)
        negligible[category] = set(order[: 1 if len(order) <= 4 else 2])
    return negligible


def _accuracies(verdicts: Sequence[Verdict], negligible: dict[str, set[str]]) -> dict[str, dict[str, float]]:
    right: dict[str, Counter[str]] = {}
    total: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        chosen = negligible[verdict.category]
        kind = _kind(verdict.truth, chosen)
        total.setdefault(verdict.category, Counter())[kind] += 1
        right.setdefault(verdict.category, Counter())[kind] += kind == _kind(verdict.predicted, chosen)
    return {
        name: {kind: right[name][kind] / count if (count := total[name][kind]) else 0.0 for kind in KINDS}
        for name in total
    }


def _kind(name: str, negligible: set[str]) -> str:
    if name == GOOD:
        return "normal"
    return "negligible" if name in negligible else "defect"
