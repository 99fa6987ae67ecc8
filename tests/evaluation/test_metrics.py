from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from looktwice.evaluation import bootstrap
from looktwice.evaluation.metrics import (
    balanced_accuracy,
    expected_calibration_error,
    image_metrics,
    image_replicates,
    macro,
)


def test_one_class_only_gives_none():
    assert image_metrics([1, 1], [0.2, 0.3]) == {"image_auroc": None, "image_ap": None, "image_f1max": None}
    assert balanced_accuracy([0, 0], [0.1, 0.9], 0.5) is None
    assert image_replicates([0, 0], [0.1, 0.9], [0, 1]) == {}


def test_balanced_accuracy_counts_the_threshold_itself_as_anomalous():
    assert balanced_accuracy([0, 0, 0, 1], [0.1, 0.2, 0.5, 0.5], 0.5) == pytest.approx((2 / 3 + 1) / 2)


def test_expected_calibration_error_against_its_definition():
    generator = np.random.default_rng(1)
    scores = np.r_[generator.random(200), 0.0, 1.0]
    labels = generator.integers(0, 2, 202)
    expected = 0.0
    for low in range(10):
        inside = (scores >= low / 10) & ((scores < (low + 1) / 10) | (low == 9))
        if inside.any():
            expected += inside.mean() * abs(scores[inside].mean() - labels[inside].mean())
    assert expected_calibration_error(labels, scores, bins=10) == pytest.approx(expected)


def test_calibrated_scores_have_no_error_and_inverted_ones_have_all():
    assert expected_calibration_error([0, 0, 1, 1], [0, 0, 1, 1]) == 0
    assert expected_calibration_error([1, 1, 0, 0], [0, 0, 1, 1]) == 1
    assert expected_calibration_error([], []) is None


def test_macro_weighs_categories_alike_and_skips_what_is_not_known():
    rows = [{"a": 1.0, "n": 1000}, {"a": 0.0, "n": 1}, {"a": None}, {"a": float("nan")}]
    assert macro(rows, ["a", "missing"]) == {"a": 0.5, "missing": None}


def test_bootstrap_interval_holds_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(5)
    truth, hits, runs = 0.76025, 0, 120  # P(N(1,1) > N(0,1))
    for run in range(runs):
        labels = np.r_[np.zeros(60, int), np.ones(60, int)]
        scores = generator.normal(labels, 1.0)
        drawn = image_replicates(labels, scores, range(120), seed=run, replicates=200)["image_auroc"]
        low, high = bootstrap.interval(drawn)
        hits += low <= truth <= high
    assert 0.88 <= hits / runs <= 0.99


def test_replicates_equal_resampling_by_hand():
    labels, scores = np.array([0, 1, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8, 0.2])
    drawn = image_replicates(labels, scores, "aabbc", seed=3, replicates=50)["image_auroc"]
    counts = np.random.default_rng(3).multinomial(3, np.full(3, 1 / 3), size=50)
    members = [[0, 1], [2, 3], [4]]
    for value, times in zip(drawn, counts, strict=True):
        index = [i for group, n in enumerate(times) for _ in range(n) for i in members[group]]
        if len(set(labels[index])) == 2:
            assert value == pytest.approx(roc_auc_score(labels[index], scores[index]))
        else:
            assert np.isnan(value)


def test_groups_are_drawn_whole_which_widens_the_interval():
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    scores = generator.normal(labels, 1.0)
    repeated = np.repeat(np.arange(40), 25)
    single = image_replicates(labels[repeated], scores[repeated], range(1000), replicates=300)["image_auroc"]
    grouped = image_replicates(labels[repeated], scores[repeated], repeated, replicates=300)["image_auroc"]
    assert np.std(grouped) > 3 * np.std(single)


def test_seed_decides_the_interval_and_too_few_valid_replicates_give_none():
    labels, scores = [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]
    first, again, other = (image_replicates(labels, scores, range(4), seed=seed)["image_ap"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other, equal_nan=True)
    assert bootstrap.interval([np.nan, np.nan, 0.5]) is None
