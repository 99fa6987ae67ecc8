"""Several draws of references: one row of a set out of several, and means over sets draw by draw."""

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
    """Average the figures of one set over draws of its references.

    Which few normal inputs are shown moves a figure by up to a tenth; a mean over draws says what to expect of others.
    The bootstrap draws the same test inputs for every draw of references, so that the replicates of the mean are the
    means of the replicates: the interval is that of test inputs, and the spread over draws stands beside it. (Where
    references come from ``test/good``, each draw tests what the others refer to, and the replicates are not paired.)

    Parameters
    ----------
    seeds : sequence of int
        Of each draw.
    rows : sequence of mapping
        The row of each draw.
    drawn : sequence of mapping
        Their bootstrap replicates.
    names : iterable of str
        The metrics to average.

    Returns
    -------
    row : dict
        With ``draws``: for each draw its ``seed`` and its own figures.
    drawn : dict
        Replicates of the means.
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
    """Average metrics over sets, draw by draw; empty where no references were drawn."""
    names = list(names)
    known = [row["draws"] for row in rows if "draws" in row]
    return [{"seed": own[0]["seed"], **macro(own, names)} for own in zip(*known, strict=True)]


def _once(entries: Iterable[Any]) -> list[Any]:
    """Keep each entry where it first occurs; entries need not be hashable."""
    kept: list[Any] = []
    for entry in entries:
        if entry not in kept:
            kept.append(entry)
    return kept
