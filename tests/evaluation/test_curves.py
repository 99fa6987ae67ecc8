from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from looktwice.evaluation import curves
from looktwice.evaluation.metrics import image_metrics

LABELLED = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


@given(LABELLED)
def test_image_metrics_equal_scikit_learn_with_ties(rows):
    labels, scores = np.array(rows).T
    found = image_metrics(labels, scores / 7)
    precision, recall, _ = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    assert found["image_auroc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert found["image_ap"] == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    assert found["image_f1max"] == pytest.approx(f1.max(), abs=1e-12)


@given(LABELLED)
def test_auroc_of_reversed_scores_is_the_complement(rows):
    labels, scores = np.array(rows).T
    forward, backward = (image_metrics(labels, sign * scores)["image_auroc"] for sign in (1, -1))
    assert forward + backward == pytest.approx(1.0)


def test_leading_axes_are_independent():
    generator = np.random.default_rng(0)
    normal, anomalous = generator.integers(0, 5, (2, 3, 8))
    for metric in (curves.auroc, curves.average_precision, curves.f1_max):
        single = [metric(normal[row], anomalous[row]) for row in range(3)]
        np.testing.assert_allclose(metric(normal, anomalous), single)


def test_one_class_is_nan_not_a_number():
    nothing, something = np.zeros(4), np.ones(4)
    for metric in (curves.auroc, curves.average_precision, curves.f1_max):
        assert np.isnan(metric(something, nothing))
    assert np.isnan(curves.aupro(something, nothing, np.array(0), 0.3))


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_aupro_of_perfect_and_of_constant_maps(limit):
    perfect = curves.aupro(np.array([10, 0]), np.array([0.0, 2.0]), np.array(2), limit)
    constant = curves.aupro(np.array([10]), np.array([2.0]), np.array(2), limit)
    assert perfect == pytest.approx(1.0)
    assert constant == pytest.approx(limit / 2), "a map without information follows the diagonal"
