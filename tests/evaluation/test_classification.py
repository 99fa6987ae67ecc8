from __future__ import annotations

import json

import numpy as np
import pytest

from looktwice.core.errors import UsageError
from looktwice.evaluation.classification import evaluate_classification
from looktwice.evaluation.severity import evaluate_severity
from looktwice.evaluation.velm import UNKNOWN, read_predictions, read_taxonomy, split_key

TAXONOMY = {
    "pipe_fryum": {
        "normal": ["uniform"],
        "burnt": ["burn mark", "a scorched patch"],
        "small-scratches": ["scratch", "thin lines"],
        "stuck-together": ["stuck together", "a cluster"],
        "different-colour-spot": ["dark spot", "a dark spot"],
        "similar-colour-spot": ["light spot", "a light spot"],
        "corner-and-edge-breakage": ["edge breakage", "a chip"],
    },
    "fryum": {"normal": ["perfect"], "middle_breakage": ["Breakage", "a crack"]},
    "cashew": {
        "normal": ["smooth"],
        "burnt": ["dark mark", "darker"],
        "same-colour-spot": ["color spot", "lighter"],
        "corner-or-edge-breakage": ["edge break", "a part is missing"],
        "small-hole": ["pinhole", "a hole"],
        "small-scratches": ["surface scratches", "fine lines"],
    },
}


@pytest.fixture
def read(tmp_path):
    """Write both files, read them back as verdicts."""

    def reader(predictions, taxonomy=None):
        (tmp_path / "t.json").write_text(json.dumps(taxonomy or TAXONOMY))
        (tmp_path / "p.json").write_text(json.dumps(predictions))
        classes = read_taxonomy(tmp_path / "t.json")
        return (*read_predictions(tmp_path / "p.json", classes), classes)

    return reader


def expand(category, truths, answers, matrix):
    """Write a confusion matrix out as predictions."""
    return {
        f"{category}_{truth}_{row:02d}{column:02d}{index:03d}": answer
        for row, truth in enumerate(truths)
        for column, answer in enumerate(answers)
        for index in range(matrix[row][column])
    }


# Confusion matrices and figures as published by VELM for GPT-4o on VisA-AC.
PIPE_FRYUM = expand(
    "pipe_fryum",
    [
        "good",
        "small-scratches",
        "corner-and-edge-breakage",
        "stuck-together",
        "burnt",
        "different-colour-spot",
        "similar-colour-spot",
    ],
    ["good", "scratch", "edge breakage", "Stuck together", "burn mark", "dark spot", "light spot"],
    [
        [39, 0, 3, 0, 6, 2, 0],
        [6, 12, 0, 0, 0, 0, 0],
        [13, 0, 7, 0, 0, 0, 0],
        [0, 0, 0, 10, 0, 0, 0],
        [6, 0, 0, 0, 4, 0, 0],
        [11, 0, 0, 0, 0, 4, 0],
        [9, 0, 0, 0, 0, 0, 6],
    ],
)
# The keys say "small-holes", the taxonomy "small-hole": these samples can never be right.
CASHEW = expand(
    "cashew",
    ["corner-or-edge-breakage", "good", "same-colour-spot", "small-scratches", "small-holes", "burnt"],
    ["edge break", "good", "color spot", "surface scratches", "pinhole", "Dark mark"],
    [
        [9, 3, 0, 0, 1, 0],
        [3, 45, 0, 0, 2, 0],
        [1, 8, 2, 0, 0, 0],
        [2, 3, 6, 2, 1, 1],
        [0, 1, 1, 0, 15, 3],
        [0, 4, 2, 1, 1, 2],
    ],
)


def test_published_figures_are_reproduced(read):
    verdicts, left_out, _ = read(PIPE_FRYUM | CASHEW)
    assert not left_out
    result = evaluate_classification(verdicts)
    fryum, cashew = result["categories"]["pipe_fryum"], result["categories"]["cashew"]
    assert fryum["accuracy"] == fryum["micro_f1"] == pytest.approx(0.5942028985507246, abs=1e-15)
    assert fryum["macro_f1"] == pytest.approx(0.6001624530409179, abs=1e-12)
    assert fryum["cohen_kappa"] == pytest.approx(0.44988610478359914, abs=1e-12)
    assert cashew["accuracy"] == pytest.approx(0.5042016806722689, abs=1e-12)
    assert cashew["macro_f1"] == pytest.approx(0.29805303301543906, abs=1e-12)
    assert cashew["cohen_kappa"] == pytest.approx(0.3338709677419356, abs=1e-12)
    assert result["mean"]["accuracy"] == pytest.approx((fryum["accuracy"] + cashew["accuracy"]) / 2)
    assert np.sum(cashew["confusion"]) == cashew["n"] == len(CASHEW)
    assert {"small-hole", "small-holes"} <= set(cashew["labels"])


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("metal_nut_bent_000", ("metal_nut", "bent")),
        ("pipe_fryum_good_0011", ("pipe_fryum", "good")),
        ("fryum_fryum-stuck-together_040", ("fryum", "fryum-stuck-together")),
        ("capsules_bubble-discolor_030", ("capsules", "bubble-discolor")),
        ("bottle_broken_large_003", ("bottle", "broken_large")),
        ("Bottle_Broken_Large_003", ("bottle", "broken_large")),
        ("bottle_000", None),
        ("glass_good_000", None),
        ("bottle", None),
    ],
)
def test_keys_with_underscores(key, parts):
    names = ["bottle", "capsule", "capsules", "fryum", "metal", "metal_nut", "pipe_fryum"]
    categories = {name: {} for name in names}
    assert split_key(key, categories) == parts


@pytest.mark.parametrize(
    ("answer", "predicted"),
    [
        ("breakage", "middle_breakage"),
        ("BREAKAGE", "middle_breakage"),
        ("Good", "good"),
        ("middle_breakage", UNKNOWN),
        ("breakage.", UNKNOWN),
        (" breakage", UNKNOWN),
        ("normal", UNKNOWN),
        ("perfect", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_only_the_name_shown_is_a_class(read, answer, predicted):
    ((verdict,), _, _) = read({"fryum_middle_breakage_001": answer})
    assert (verdict.category, verdict.truth, verdict.predicted) == ("fryum", "middle_breakage", predicted)


def test_the_later_of_two_classes_with_one_name_counts(read):
    taxonomy = {"a": {"normal": ["n"], "x": ["spot", ""], "y": ["Spot", ""]}}
    ((verdict,), _, _) = read({"a_x_0": "spot"}, taxonomy)
    assert verdict.predicted == "y"


def test_answers_that_are_no_class_are_wrong_and_counted(read):
    verdicts, left_out, _ = read(
        {"fryum_good_1": "good", "fryum_good_2": "dunno", "glass_x_1": "good", "fryum_good_3": None}
    )
    row = evaluate_classification(verdicts)["categories"]["fryum"]
    assert (row["n"], row["accuracy"], row["unknown_answers"]) == (2, 0.5, 1)
    assert row["labels"] == ["good", UNKNOWN]
    assert set(left_out) == {"glass_x_1", "fryum_good_3"}


def test_one_label_has_no_kappa(read):
    verdicts, _, _ = read({"fryum_good_1": "good", "fryum_good_2": "good"})
    row = evaluate_classification(verdicts)["categories"]["fryum"]
    assert (row["accuracy"], row["macro_f1"], row["cohen_kappa"]) == (1.0, 1.0, None)


@pytest.mark.parametrize(
    ("predictions", "taxonomy", "message"),
    [
        ("[]", "{}", "contains no category"),
        ("[]", '{"a": {"normal": ["n"]}}', "one JSON object"),
        ("{", '{"a": {"normal": ["n"]}}', "not valid JSON"),
        ('{"b_x_1": "good"}', '{"a": {"normal": ["n"]}}', "no key has the form"),
        ("{}", '{"a": {"x": "crack"}}', "a/x must be"),
        ("{}", '{"a": ["crack"]}', "a must be"),
        ("{}", '{"a": {}}', "a must be"),
    ],
)
def test_bad_files_cost_one_clear_line(tmp_path, predictions, taxonomy, message):
    (tmp_path / "p").write_text(predictions)
    (tmp_path / "t").write_text(taxonomy)
    with pytest.raises(UsageError, match=message):
        read_predictions(tmp_path / "p", read_taxonomy(tmp_path / "t"))
    with pytest.raises(UsageError, match="cannot be read"):
        read_taxonomy(tmp_path / "missing")


def test_severity_of_perfect_predictions_is_one(read):
    truths, answers = ["good", "burnt", "small-scratches"], ["good", "burn mark", "scratch"]
    matrix = [[5, 0, 0], [0, 4, 0], [0, 0, 3]]
    verdicts, _, classes = read(expand("pipe_fryum", truths, answers, matrix))
    result = evaluate_severity(verdicts, classes, seeds=200)
    row = result["categories"]["pipe_fryum"]
    assert row["normal"] == 1.0
    # 2 of 6 classes are negligible and 2 of the 6 have samples; a kind without samples counts as 0.
    assert row["negligible"] == pytest.approx(1 - 6 / 15, abs=0.1)
    assert row["defect"] == pytest.approx(1 - 1 / 15, abs=0.05)


def test_severity_counts_kinds_not_classes(read):
    taxonomy = {"tile": {"normal": ["n"], "crack": ["crack", ""], "oil": ["oil", ""]}}
    answers = {"tile_good_0": "good", "tile_crack_0": "oil", "tile_oil_0": "nonsense", "tile_good_1": "oil"}
    verdicts, _, classes = read(answers, taxonomy)
    row = evaluate_severity(verdicts, classes, seeds=400)["categories"]["tile"]
    assert row["normal"] == 0.5
    # One of two classes is negligible. Crack negligible: crack→oil is wrong, oil→nonsense counts as defect, right.
    # Oil negligible: oil→nonsense is wrong, crack→oil is wrong.
    assert row["negligible"] == 0.0
    assert row["defect"] == pytest.approx(0.5, abs=0.1)
    assert row["std"]["defect"] == pytest.approx(0.5, abs=0.01)


def test_severity_depends_on_nothing_but_the_seeds(read):
    verdicts, _, classes = read(PIPE_FRYUM | CASHEW)
    assert evaluate_severity(verdicts, classes) == evaluate_severity(verdicts, classes)
    result = evaluate_severity(verdicts, classes)
    assert result["mean_of_kinds"] == pytest.approx(np.mean(list(result["mean"].values())))


def test_severity_agrees_with_the_published_figures(read):
    taxonomy = {
        "bottle": {
            "normal": ["intact"],
            "broken_large": ["broken large", ""],
            "broken_small": ["broken small", ""],
            "contamination": ["contamination", ""],
        }
    }
    truths = ["broken_small", "broken_large", "good", "contamination"]
    answers = ["broken small", "broken large", "good", "contamination"]
    # VELM's confusion matrix for GPT-4o on MVTec-AC's bottle, its first category, and what it gives for five seeds.
    matrix = [[14, 4, 0, 0], [1, 23, 0, 0], [0, 0, 20, 0], [2, 3, 1, 15]]
    verdicts, _, classes = read(expand("bottle", truths, answers, matrix), taxonomy)
    row = evaluate_severity(verdicts, classes)["categories"]["bottle"]
    assert row["normal"] == 1.0
    assert row["negligible"] == pytest.approx(0.8734126984126984, abs=1e-12)
    assert row["defect"] == pytest.approx(0.8591452991452991, abs=1e-12)
    assert row["std"]["negligible"] == pytest.approx(0.10592636860401504, abs=1e-12)
    assert row["std"]["defect"] == pytest.approx(0.08358677218426601, abs=1e-12)
