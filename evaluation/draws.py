"""Averages over several random draws of the references: per set, and per draw over sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from looktwice.evaluation import bootstrap
from looktwice.evaluation.curves import FloatArray
from looktwice.evaluation.metrics import macro

Replicates = Mapping[str, FloatArray]


def average_draws(
    seeds: Sequence[int], rows: Sequence[Mapping[str, Any]], drawn: Sequence[Replicates], names: Iterable[str]
) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Average the metrics of one set over draws of its references.

    The choice of a few references changes a metric by up to 0.1; the mean over draws says what to expect of another
    draw. The bootstrap samples the same test inputs for every draw, so the replicates of the mean are the means of the
    replicates. The interval thus covers the choice of test inputs; the spread over draws is listed separately. (If
    references come from ``test/good``, each draw tests images that are references of another, and the replicates are
    not paired.)

    Parameters
    ----------
    seeds : sequence of int
        Seed of each draw.
    rows : sequence of mapping
        Row of the results table for each draw.
    drawn : sequence of mapping
        Bootstrap replicates of each row.
    names : iterable of str
        Metrics to average.

    Returns
    -------
    row : dict
        The mean row, with ``draws``: the ``seed`` and the metrics of each draw.
    drawn : dict
        Bootstrap replicates of the means.
    """
    names = list(names)
    common = [name for name in drawn[0] if all(name in samples for samples in drawn)]
    replicates = {name: np.mean([samples[name] for samples in drawn], axis=0) for name in common}
    row = {
        **rows[0],
        **macro(rows, names),
        "ci95": {name: bootstrap.interval(values) for name, values in replicates.items()},
        "draws": [{"seed": seed, **{name: one[name] for name in names}} for seed, one in zip(seeds, rows, strict=True)],
        "seconds": sum(one["seconds"] for one in rows),
    }
    for name in ("left_out", "notes"):
        row[name] = _once(entry for one in rows for entry in one[name])
    return row, replicates


def mean_by_draw(rows: Iterable[Mapping[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the macro mean over sets for each draw; empty if no references were drawn."""
    names = list(names)
    known = [row["draws"] for row in rows if "draws" in row]
    return [{"seed": own[0]["seed"], **macro(own, names)} for own in zip(*known, strict=True)]


def _once(entries: Iterable[Any]) -> list[Any]:
    """Return the entries without repetitions, in order; they need not be hashable."""
    kept: list[Any] = []
    for entry in entries:
        if entry not in kept:
            kept.append(entry)
    return kept
