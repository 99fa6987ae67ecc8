"""Anomaly classification as VELM reports it: accuracy, F1 and agreement per category, and their means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from looktwice.evaluation.metrics import macro
from looktwice.evaluation.velm import GOOD, UNKNOWN, Verdict

METRICS = ("accuracy", "macro_f1", "micro_f1", "cohen_kappa")


def evaluate_classification(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Compute accuracy, macro-F1, micro-F1 and Cohen's kappa per category, and their unweighted means.

    The labels of a category are all classes seen in its truth or its predictions, "Unknown class" among them; a class
    that was predicted but does not occur counts as an F1 of 0 in the macro average, as published.

    Parameters
    ----------
    verdicts : sequence of Verdict

    Returns
    -------
    dict
        ``categories`` (name to ``n``, the four metrics, ``unknown_answers``, ``labels`` and ``confusion``, whose rows
        are the truth and whose columns the prediction), and ``mean``. Kappa is None where it is not defined (one label
        in truth and prediction alike).
    """
    by_category: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_category.setdefault(verdict.category, []).append(verdict)
    categories = {name: _category(group) for name, group in by_category.items()}
    return {"categories": categories, "mean": {"n": len(verdicts), **macro(categories.values(), METRICS)}}


def _category(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

    truth = [verdict.truth for verdict in verdicts]
    predicted = [verdict.predicted for verdict in verdicts]
    labels = sorted({*truth, *predicted}, key=lambda label: (label != GOOD, label == UNKNOWN, label))
    confusion = np.zeros((len(labels), len(labels)), int)
    np.add.at(confusion, ([labels.index(label) for label in truth], [labels.index(label) for label in predicted]), 1)
    # Cohen's kappa divides by zero when truth and prediction are one and the same single label.
    kappa = float(cohen_kappa_score(truth, predicted, labels=labels)) if len(labels) > 1 else math.nan
    return {
        "n": len(verdicts),
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro_f1": float(f1_score(truth, predicted, labels=labels, average="macro", zero_division=0)),
        "micro_f1": float(f1_score(truth, predicted, labels=labels, average="micro", zero_division=0)),
        "cohen_kappa": kappa if math.isfinite(kappa) else None,
        "unknown_answers": predicted.count(UNKNOWN),
        "labels": labels,
        "confusion": confusion.tolist(),
    }
