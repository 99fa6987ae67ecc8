from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from looktwice.classification.anomaly import Contours
from looktwice.core.errors import UsageError
from looktwice.datasets.duplicates import ALIKE, likeness, things_shown
from looktwice.evaluation import classification_runner as evaluating
from looktwice.evaluation.classification_runner import Protocol, draw_examples, run
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
    assert row["found"] == 1.0  # outlines of the truth need no finding
    assert row["accuracy_of_flawed"] == pytest.approx((row["accuracy"] * 6 - 2 * (1 - row["false_alarms"])) / 4)
    assert set(row["ci95"]) == {"accuracy", "accuracy_of_flawed", "found", "false_alarms"}
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
    samples = sets[0].test
    things = {sample.path: str(sample.path) for sample in samples}
    chosen, tested = draw_examples(samples, things, taxonomy, 10, seed=0)
    assert {key: len(group) for key, group in chosen.items()} == {"pit": 2, "blob": 2}
    drawn = {sample.path for group in chosen.values() for sample in group}
    assert not drawn & {sample.path for sample in tested}
    assert len(drawn) + len(tested) == 10
    assert draw_examples(samples, things, taxonomy, 10, seed=0)[0] == chosen
    assert draw_examples(samples, things, taxonomy, 0, seed=0) == ({}, samples)


def test_other_pictures_of_an_examples_thing_are_not_tested(inspector, taxonomy, sets, plates, parts):
    """Two plates are photographed again, a little brighter and noisier: what is drawn of one excludes the other."""
    rng = np.random.default_rng(5)
    for kind in ("pit", "blob"):
        for copy, of in (("004", "000"), ("005", "001")):
            image = np.asarray(Image.open(plates / "test" / kind / f"{of}.png"), float)
            again = (image * 0.97 + 4 + rng.normal(0, 0.5, image.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(again).save(plates / "test" / kind / f"{copy}.png")
    samples = open_sets([plates])[0][0].test
    things = dict(zip((sample.path for sample in samples), things_shown(samples), strict=True))
    name = {sample.path: f"{sample.defect}/{sample.path.stem}" for sample in samples}
    same = {frozenset(name[one] for one in things if things[one] == thing) for thing in things.values()}
    assert {group for group in same if len(group) > 1} == {
        frozenset({f"{kind}/{one}", f"{kind}/{other}"})
        for kind in ("pit", "blob")
        for one, other in (("000", "004"), ("001", "005"))
    }
    for seed in range(5):
        chosen, tested = draw_examples(samples, things, taxonomy, 3, seed)
        drawn = [sample for group in chosen.values() for sample in group]
        assert len({things[sample.path] for sample in drawn}) == len(drawn)
        assert not {things[sample.path] for sample in drawn} & {things[sample.path] for sample in tested}
        assert sum(sample.defect == "pit" for sample in tested) >= 3
    result = run(open_sets([plates])[0], {"plate": taxonomy}, inspector, Protocol(examples=2))
    row = result["categories"]["plate"]
    assert row["n"] + row["not_tested"] == 14


def test_parts_in_one_pose_are_different_things():
    rng = np.random.default_rng(0)
    pose = np.zeros((64, 64))
    pose[16:48, 16:48] = 200
    pose[::8] += 50
    thumbs = np.array([pose + rng.normal(0, 6, pose.shape) for _ in range(8)])
    thumbs[7] = thumbs[6] + rng.normal(0, 1, pose.shape)
    alike = likeness(thumbs) > ALIKE
    assert alike[6, 7]
    assert alike.sum() == 8 + 2


def test_categories_need_a_taxonomy(inspector, taxonomy, sets):
    with pytest.raises(UsageError, match="no taxonomy of plate"):
        run(sets, {"nut": taxonomy, "bolt": taxonomy}, inspector, Protocol())
