from __future__ import annotations

import json

import pytest

from looktwice.classification import evaluating
from looktwice.classification.evaluating import Protocol, draw_examples, run
from looktwice.classification.specimen import Contours
from looktwice.errors import UsageError
from looktwice.evaluation.sets import open_sets


@pytest.fixture
def sets(plates):
    return open_sets([plates])[0]


def test_the_pipeline_is_run_on_a_folder_with_oracle_contours(inspector, taxonomy, sets):
    result = run(sets, {"plate": taxonomy}, inspector, Protocol(contours=Contours.ORACLE, examples=2))
    row = result["categories"]["plate"]
    assert row["n"] == 6  # two of each kind are examples and not tested
    assert set(row["labels"]) >= {"good", "pit", "blob"}
    assert row["accuracy"] >= 4 / 6
    low, high = row["ci95"]["accuracy"]
    assert low <= row["accuracy"] <= high
    assert "predictions_oracle" in result
    assert "predictions_predicted" not in result
    assert set(result["predictions_oracle"]) <= {
        f"plate_{kind}_{n:03d}" for kind in ("good", "pit", "blob") for n in range(4)
    }
    assert result["summary"]["inputs"] == 6


def test_a_stopped_run_goes_on(inspector, taxonomy, sets, tmp_path, monkeypatch):
    seen = []
    original = evaluating._classify

    def classify(detector, namer, sample, contours):
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(sample.path)
        return original(detector, namer, sample, contours)

    monkeypatch.setattr(evaluating, "_classify", classify)
    with pytest.raises(KeyboardInterrupt):
        run(sets, {"plate": taxonomy}, inspector, Protocol(), folder=tmp_path)
    (kept,) = tmp_path.glob("*.progress.jsonl")
    with kept.open("a") as file:
        file.write('{"key": "cut o')
    seen.clear()
    monkeypatch.setattr(evaluating, "_classify", lambda *args: seen.append(args) or original(*args))
    result = run(sets, {"plate": taxonomy}, inspector, Protocol(), folder=tmp_path)
    assert len(seen) == 7
    assert result["categories"]["plate"]["n"] == 10
    assert len([json.loads(line) for line in kept.read_text().splitlines()]) == 11
    with pytest.raises(UsageError, match="another run"):
        run(sets, {"plate": taxonomy}, inspector, Protocol(seed=1), folder=tmp_path)


def test_examples_are_never_tested_and_leave_half_of_a_class(taxonomy, sets):
    chosen, tested = draw_examples(sets[0].test, taxonomy, 10, seed=0)
    assert {key: len(group) for key, group in chosen.items()} == {"pit": 2, "blob": 2}
    drawn = {sample.path for group in chosen.values() for sample in group}
    assert not drawn & {sample.path for sample in tested}
    assert len(drawn) + len(tested) == 10
    assert draw_examples(sets[0].test, taxonomy, 10, seed=0)[0] == chosen


def test_categories_need_a_taxonomy(inspector, taxonomy, sets):
    with pytest.raises(UsageError, match="no taxonomy of plate"):
        run(sets, {"nut": taxonomy, "bolt": taxonomy}, inspector, Protocol())
