from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from looktwice.core.errors import UsageError
from looktwice.evaluation.labels import parse_label
from looktwice.evaluation.scores import evaluate_scores, read_scores


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "scores of ünïts.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_macro_is_the_unweighted_mean_of_categories_in_full_precision(tmp_path):
    generator = np.random.default_rng(0)
    lines, expected = ["category,label,score"], []
    for category, count in (("bagel", 10), ("rope", 90), ("tire", 33)):
        labels = np.r_[0, 1, generator.integers(0, 2, count)]
        scores = generator.normal(labels * 0.7, 1.0)
        expected.append(roc_auc_score(labels, scores))
        lines += [f"{category},{label},{score!r}" for label, score in zip(labels, scores.tolist(), strict=True)]
    result = evaluate_scores(read_scores(written(tmp_path, "\n".join(lines))))
    assert result["mean"]["image_auroc"] == pytest.approx(np.mean(expected), abs=1e-15)
    assert [row["image_auroc"] for row in result["categories"].values()] == pytest.approx(expected, abs=1e-15)
    assert result["categories"]["rope"]["n_normal"] + result["categories"]["rope"]["n_anomalous"] == 92
    low, high = result["categories"]["rope"]["ci95"]["image_auroc"]
    assert low < expected[1] < high


@pytest.mark.parametrize(
    "text",
    [
        "category,label,image_score\na,good,0.1\na,crack,0.9\n",
        "Label;Category;Score;path\n0;a;0.1;x\n1;a;0.9;y\n",
        "\ufeffpath,score,label,category,image_score\nx,0.1,0.0,a,5\ny,0.9,1.0,a,4\n",
        "category\tlabel\tscore\r\na\tnormal\t0.1\r\na\tAnomaly\t0.9\r\n",
    ],
)
def test_tables_of_several_habits_are_read_alike(tmp_path, text):
    result = evaluate_scores(read_scores(written(tmp_path, text)))
    assert result["mean"] == {"image_auroc": 1.0, "image_ap": 1.0, "image_f1max": 1.0}
    assert sorted(result["labels"].values()) == [0, 1]


def test_a_category_of_one_class_is_said_and_left_out_of_the_mean(tmp_path):
    text = "category,label,score\na,0,0.1\na,1,0.9\nb,1,0.3\n"
    result = evaluate_scores(read_scores(written(tmp_path, text)))
    assert result["categories"]["b"]["image_auroc"] is None
    assert result["mean"]["image_auroc"] == 1.0
    assert result["notes"] == ["b: one class only, left out of the mean"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("category,label,score\n", "no rows"),
        ("category,score\na,1\n", "no column label"),
        ("category,label\na,1\n", "no column score"),
        ("category,label,score\na,2,0.5\n", "line 2: the label '2' is neither 0 nor 1"),
        ("category,label,score\na,,0.5\n", "line 2: the label is missing"),
        ("category,label,score\na,1,high\n", "line 2: the score 'high' is not a number"),
        ("category,label,score\na,1,nan\n", "line 2: the score 'nan' is not finite"),
        ("category,label,score\na,1\n", "line 2: the score"),
        ("category,label,score\n,1,0.4\n", "line 2: the category is missing"),
    ],
)
def test_bad_tables_cost_one_clear_line(tmp_path, text, message):
    with pytest.raises(UsageError, match=message) as caught:
        evaluate_scores(read_scores(written(tmp_path, text)))
    assert "\n" not in str(caught.value)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_scores(tmp_path / "none.csv")
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00category")
    with pytest.raises(UsageError, match="not a CSV"):
        read_scores(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("word", "label"),
    [("0", 0), ("1", 1), ("1.0", 1), (True, 1), (" Good ", 0), ("normal", 0), ("anomaly", 1), ("bent_wire", 1)],
)
def test_label_words(word, label):
    assert parse_label(word) == label


@pytest.mark.parametrize("word", ["", "nan", "none", "2", "-1", "inf", "?"])
def test_labels_that_say_nothing_are_refused(word):
    with pytest.raises(ValueError, match="label"):
        parse_label(word)
