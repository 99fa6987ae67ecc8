from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from looktwice.evaluation.detection import evaluate_detection
from looktwice.evaluation.sets import draw_references, open_sets
from tests.evaluation.test_detection import BrightnessScorer, write_category


class Doubtful(BrightnessScorer):
    """Says of some share of the inputs the opposite of what it sees."""

    def __init__(self, wrong, stop_after=None):
        super().__init__(stop_after)
        self.wrong = wrong

    def score(self, paths):
        for index, scored in enumerate(super().score(paths)):
            yield scored if index % 10 >= self.wrong else replace(scored, score=1 - scored.score)


def run(paths, seeds, wrong=(0, 3, 6), **options):
    sets, _ = open_sets(paths)
    drawn = [draw_references(one, 3, seed=seed) for one in sets for seed in seeds]
    return evaluate_detection(drawn, lambda chosen: Doubtful(wrong[chosen.draw]), replicates=50, **options)


def test_figures_of_a_set_are_averaged_over_draws_of_its_references(tmp_path):
    roots = [write_category(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    result = run(roots, (0, 1, 2))
    assert [row["name"] for row in result["sets"]] == ["a", "b"]
    for row in result["sets"]:
        by_draw = [draw["image_auroc"] for draw in row["draws"]]
        assert by_draw[0] == 1.0 > by_draw[1] > by_draw[2]
        assert row["image_auroc"] == pytest.approx(np.mean(by_draw))
        low, high = row["ci95"]["image_auroc"]
        assert low <= row["image_auroc"] <= high
        assert row["n_anomalous"] == 5, "the tested inputs are counted once"
    means = [draw["image_auroc"] for draw in result["mean"]["draws"]]
    assert [draw["seed"] for draw in result["mean"]["draws"]] == [0, 1, 2]
    assert result["mean"]["image_auroc"] == pytest.approx(np.mean(means))


def test_the_figures_of_one_draw_are_its_own(tmp_path):
    root = write_category(tmp_path / "a")
    alone = [run([root], [seed])["sets"][0] for seed in (0, 1)]
    both = run([root], (0, 1))["sets"][0]
    assert both["draws"] == [one["draws"][0] for one in alone]
    assert alone[1]["image_auroc"] == both["draws"][1]["image_auroc"]
    own = dict(alone[0]["draws"][0])
    assert own.pop("seed") == 0
    assert own == {name: alone[0][name] for name in own}


def test_without_references_nothing_is_said_of_draws(tmp_path):
    sets, _ = open_sets([write_category(tmp_path / "a")])
    result = evaluate_detection(sets, lambda _: BrightnessScorer(), replicates=10)
    assert "draws" not in result["sets"][0]
    assert "draws" not in result["mean"]


def test_draws_are_resumed_one_by_one(tmp_path):
    root, file = write_category(tmp_path / "a"), tmp_path / "progress.jsonl"
    whole = run([root], (0, 1))
    sets, _ = open_sets([root])
    drawn = [draw_references(sets[0], 3, seed=seed) for seed in (0, 1)]
    stopping = {0: Doubtful(0), 1: Doubtful(3, stop_after=0)}
    with pytest.raises(KeyboardInterrupt):
        evaluate_detection(drawn, lambda one: stopping[one.draw], replicates=50, resume_file=file)
    again = {0: Doubtful(0), 1: Doubtful(3)}
    result = evaluate_detection(drawn, lambda one: again[one.draw], replicates=50, resume_file=file)
    assert again[0].asked == []
    assert len(again[1].asked) == 11
    assert result["sets"][0]["draws"] == whole["sets"][0]["draws"]
