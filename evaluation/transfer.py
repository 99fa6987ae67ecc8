"""The cross-domain matrix: trained on one domain, tested on another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from looktwice.core.errors import UsageError

METRIC = "image_auroc"


def transfer_matrix(cells: Mapping[tuple[str, str], Mapping[str, Any]], metric: str = METRIC) -> dict[str, Any]:
    """Arrange detection results in a matrix: training domains in rows, test domains in columns.

    Parameters
    ----------
    cells : mapping
        ``(trained on, tested on)`` to a result of :func:`looktwice.evaluation.detection.evaluate_detection`.
    metric : str
        Mean metric to show, with its interval if the results have one.

    Returns
    -------
    dict
        ``metric, trained_on, tested_on`` (in order of first appearance), ``values`` and ``ci95`` (one row per
        training domain; None for cells that were not run or lack the metric), ``sets`` (names of the sets that each
        cell averages over).

    Raises
    ------
    UsageError
        There is no cell, or none has the metric.
    """
    trained = list(dict.fromkeys(train for train, _ in cells))
    tested = list(dict.fromkeys(test for _, test in cells))
    grid = [[cells.get((train, test), {}) for test in tested] for train in trained]
    values = [[cell.get("mean", {}).get(metric) for cell in row] for row in grid]
    if all(value is None for row in values for value in row):
        raise UsageError(
            f"none of the results has a mean {metric}; give files written by `looktwice evaluate detection --out`"
        )
    return {
        "metric": metric,
        "trained_on": trained,
        "tested_on": tested,
        "values": values,
        "ci95": [[cell.get("mean", {}).get("ci95", {}).get(metric) for cell in row] for row in grid],
        "sets": [[[one["name"] for one in cell.get("sets", [])] for cell in row] for row in grid],
    }


def read_cell(text: str) -> tuple[tuple[str, str], dict[str, Any]]:
    """Read ``TRAINED,TESTED=FILE``: the names of a cell and the result written by ``evaluate detection --out``.

    Raises
    ------
    UsageError
        The text has another form, or the file is not such a result.
    """
    names, _, file = text.partition("=")
    trained, _, tested = names.partition(",")
    if not (trained.strip() and tested.strip() and file):
        raise UsageError(f"{text!r} does not have the form TRAINED,TESTED=FILE")
    try:
        result = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"{file} is not valid JSON: {error}") from None
    if not isinstance(result, dict) or not isinstance(result.get("mean"), dict):
        raise UsageError(f"{file} is not a result of `looktwice evaluate detection`")
    return (trained.strip(), tested.strip()), result
