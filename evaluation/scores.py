"""Figures from anybody's table of scores."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from looktwice.core.errors import UsageError
from looktwice.evaluation import bootstrap
from looktwice.evaluation.labels import parse_label
from looktwice.evaluation.metrics import IMAGE_METRICS, image_metrics, image_replicates, macro

SCORE_COLUMNS = ("score", "image_score")


@dataclass(frozen=True)
class ScoredRow:
    """One row of a table of scores; ``word`` is the label as it was written.

    Examples
    --------
    >>> rows = [ScoredRow("tile", 0, 0.2, "good"), ScoredRow("tile", 1, 0.9, "crack")]
    >>> evaluate_scores(rows)["mean"]["image_auroc"]
    1.0
    """

    category: str
    label: int
    score: float
    word: str


def read_scores(path: Path) -> list[ScoredRow]:
    """Read a CSV file with the columns ``category``, ``label`` and ``score`` or ``image_score``.

    The order of the columns, their case and further columns do not matter; comma, semicolon and tab are understood.
    Where both score columns exist, ``score`` counts. Labels follow :func:`looktwice.evaluation.labels.parse_label`.

    Raises
    ------
    UsageError
        The file cannot be read, a column is missing, or a row has no usable label or score.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(_rows(path, file.read().splitlines(keepends=True)))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is not a CSV file: {error}") from None


def _rows(path: Path, lines: list[str]) -> Iterator[ScoredRow]:
    if not any(line.strip() for line in lines):
        raise UsageError(f"{path} is empty: give the columns category,label,score")
    delimiter = max(",;\t", key=lines[0].count)
    reader = csv.DictReader(lines, delimiter=delimiter)
    columns = {str(name).strip().lower(): name for name in reader.fieldnames or ()}
    score = next((name for name in SCORE_COLUMNS if name in columns), None)
    missing = [name for name in ("category", "label") if name not in columns] + ([] if score else ["score"])
    if missing or score is None:
        raise UsageError(
            f"{path} has no column {' and no column '.join(missing)}: it needs category,label,score (or image_score)"
        )
    empty = True
    for row in reader:
        empty = False
        where = f"{path}, line {reader.line_num}"
        category = (row[columns["category"]] or "").strip()
        if not category:
            raise UsageError(f"{where}: the category is missing")
        word = (row[columns["label"]] or "").strip()
        try:
            label = parse_label(word)
        except ValueError as error:
            raise UsageError(f"{where}: {error}") from None
        yield ScoredRow(category, label, _number(row[columns[score]], where), word)
    if empty:
        raise UsageError(f"{path} has a header and no rows")


def _number(text: str | None, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        raise UsageError(f"{where}: the score {text!r} is not a number") from None
    if not math.isfinite(value):
        raise UsageError(f"{where}: the score {text!r} is not finite")
    return value


def evaluate_scores(rows: list[ScoredRow], *, seed: int = 0) -> dict[str, Any]:
    """Compute image AUROC, AP and F1-max per category, and their unweighted means.

    Returns
    -------
    dict
        ``categories`` (name to ``n_normal, n_anomalous, image_auroc, image_ap, image_f1max, ci95``; None with one
        class only), ``mean`` over categories, ``labels`` (how each written label was read), ``notes``.
    """
    by_category: dict[str, list[ScoredRow]] = {}
    for row in rows:
        by_category.setdefault(row.category, []).append(row)
    categories = {name: _category(group, seed) for name, group in by_category.items()}
    notes = [f"{name}: one class only, left out of the mean" for name, row in categories.items() if not row["ci95"]]
    return {
        "n": len(rows),
        "categories": categories,
        "mean": macro(categories.values(), IMAGE_METRICS),
        "labels": {row.word: row.label for row in rows},
        "notes": notes,
    }


def _category(rows: list[ScoredRow], seed: int) -> dict[str, Any]:
    labels, scores = [row.label for row in rows], [row.score for row in rows]
    drawn = image_replicates(labels, scores, range(len(rows)), seed=seed)
    return {
        "n_normal": labels.count(0),
        "n_anomalous": labels.count(1),
        **image_metrics(labels, scores),
        "ci95": {name: bootstrap.interval(values) for name, values in drawn.items()},
    }
