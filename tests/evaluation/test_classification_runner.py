"""The runner with a system that costs nothing: it calls by how far a picture's tones spread."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from looktwice.core.errors import InputError, UsageError
from looktwice.datasets.duplicates import things_shown
from looktwice.datasets.sample import Sample
from looktwice.evaluation.classification_runner import ClassificationProtocol, draw_examples, run_classification
from looktwice.evaluation.sets import open_sets


class ByTone:
    """Calls dark plates pits and bright ones blobs; remembers what it was asked."""

    problems = ("example of pit: torn",)

    def __init__(self, taxonomy):
        self.taxonomy, self.seen, self.opened, self.stop_after = taxonomy, [], [], None

    def classes_of(self, category):
        return self.taxonomy

    def open(self, category, references, examples):
        self.opened.append((category, references, examples))
        return self

    def classify(self, path, truth):
        if len(self.seen) == self.stop_after:
            raise KeyboardInterrupt
        self.seen.append((path, truth))
        image = np.asarray(Image.open(path), float)
        kind = "pit" if image.min() < 60 else "blob" if image.max() > 200 else "good"
        return {"class": kind, "name": {"blob": "bright blob"}.get(kind, kind)}

    def summarise(self, records):
        return {"inputs": len(records)}


@pytest.fixture
def sets(plates):
    return open_sets([plates])[0]


@pytest.fixture
def system(taxonomy):
    return ByTone(taxonomy)


def test_every_test_sample_is_classified_but_the_examples(system, sets):
    result = run_classification(sets, system, ClassificationProtocol(examples=2, references=5))
    row = result["categories"]["plate"]
    assert (row["n"], row["not_tested"], row["accuracy"], row["found"], row["false_alarms"]) == (6, 4, 1, 1, 0)
    assert set(row["ci95"]) == {"accuracy", "accuracy_of_flawed", "found", "false_alarms"}
    [(category, references, examples)] = system.opened
    assert category == "plate"
    assert len(references) == 5
    assert {path.parent.name for path in references} == {"good"}
    drawn = {path for group in examples.values() for path, mask in group}
    assert len(drawn) == 4
    assert all(mask is not None for group in examples.values() for _, mask in group)
    assert not drawn & {path for path, _ in system.seen}
    assert all(truth is None for _, truth in system.seen)
    assert set(result["predictions_predicted"].values()) == {"good", "pit", "bright blob"}
    assert result["left_out"] == {"plate example 1": "example of pit: torn"}
    assert result["summary"] == {"inputs": 6}


def test_oracle_contours_are_the_masks_and_are_called_so(system, sets, parts):
    result = run_classification(sets, system, ClassificationProtocol(contours="oracle"))
    assert "predictions_oracle" in result
    assert "predictions_predicted" not in result
    truths = {(path.parent.name, path.stem): truth for path, truth in system.seen}
    assert (truths["pit", "001"] == parts.disc((25, 24))).all()
    assert truths["good", "000"] is None


def test_an_input_that_cannot_be_used_is_left_out_and_named(system, sets):
    def refuse(path, truth):
        raise InputError(f"{path}: torn")

    classify, system.classify = (
        system.classify,
        lambda path, truth: (refuse if path.stem == "000" else classify)(path, truth),
    )
    result = run_classification(sets, system, ClassificationProtocol())
    torn = [key for key, message in result["left_out"].items() if message.endswith("torn") and "000" in key]
    assert sorted(torn) == ["plate_blob_000", "plate_good_000", "plate_pit_000"]
    assert result["categories"]["plate"]["n"] == 7


def test_a_stopped_run_goes_on(taxonomy, sets, tmp_path):
    stopped, again = ByTone(taxonomy), ByTone(taxonomy)
    stopped.stop_after = 3
    with pytest.raises(KeyboardInterrupt):
        run_classification(sets, stopped, ClassificationProtocol(), folder=tmp_path)
    (kept,) = tmp_path.glob("*.progress.jsonl")
    with kept.open("a") as file:
        file.write('{"key": "cut o')
    result = run_classification(sets, again, ClassificationProtocol(), folder=tmp_path)
    assert len(again.seen) == 7
    assert result["categories"]["plate"]["n"] == 10
    assert len([json.loads(line) for line in kept.read_text().splitlines()]) == 11
    with pytest.raises(UsageError, match="a run with other settings"):
        run_classification(sets, again, ClassificationProtocol(seed=1), folder=tmp_path)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["good", "pit", "blob", "dent"]), st.integers(0, 5)), min_size=1, max_size=30),
    st.integers(0, 10),
    st.integers(0, 100),
)
def test_examples_are_never_tested_and_leave_half_of_a_class(shown, count, seed):
    from pathlib import Path

    samples = [
        Sample(Path(f"{number}.png"), int(defect != "good"), None, "plate", defect, "test", None, "made")
        for number, (defect, _) in enumerate(shown)
    ]
    things = {sample.path: f"{sample.defect} {thing}" for sample, (_, thing) in zip(samples, shown, strict=True)}

    def key_of(defect):
        return {"pit": "pit", "blob": "bright"}.get(defect)

    chosen, tested = draw_examples(samples, things, key_of, count, seed)
    assert draw_examples(samples, things, key_of, count, seed) == (chosen, tested)
    assert set(chosen) <= {"pit", "bright"}
    drawn = [sample for group in chosen.values() for sample in group]
    assert len({things[sample.path] for sample in drawn}) == len(drawn)
    assert not {things[sample.path] for sample in drawn} & {things[sample.path] for sample in tested}
    for key, group in chosen.items():
        assert len(group) <= count
        assert key_of(group[0].defect) == key
        of_class = [sample for sample in samples if sample.defect == group[0].defect]
        assert 2 * sum(sample.defect == group[0].defect for sample in tested) >= len(of_class)


def test_other_pictures_of_an_examples_thing_are_not_tested(sets, taxonomy):
    samples = sets[0].test
    things = dict.fromkeys((sample.path for sample in samples), "one and the same")
    assert draw_examples(samples, things, taxonomy.key_of, 3, seed=0) == ({}, samples)
    things = dict(zip((sample.path for sample in samples), things_shown(samples), strict=True))
    chosen, tested = draw_examples(samples, things, taxonomy.key_of, 10, seed=0)
    assert {key: len(group) for key, group in chosen.items()} == {"pit": 2, "blob": 2}
    assert len(tested) == 6
