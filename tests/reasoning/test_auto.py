from __future__ import annotations

import numpy as np
import pytest

from looktwice.core.answer import Answer
from looktwice.core.errors import WeightsError
from looktwice.reasoning.auto import AutoReasoner
from looktwice.reasoning.embedded import smollm2
from looktwice.reasoning.registry import open_reasoner


class Writer:
    def explain(self, question, context, history=(), on_text=None):
        return Answer("By the model.", "embedded")


class Opener:
    """Counts how often the model is opened."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.calls = error, 0

    def __call__(self) -> Writer:
        self.calls += 1
        if self.error:
            raise self.error
        return Writer()


@pytest.fixture
def study(context_of):
    maps = np.full((1, 30, 30), 0.1)
    maps[0, 2:8, 1:7] = 0.9
    return lambda score: context_of(maps, score=score)


@pytest.mark.parametrize("score", [0.2, 0.495, 0.9])
def test_an_explanation_costs_no_model(study, score):
    opener, pieces = Opener(), []
    answer = AutoReasoner(opener).explain(None, study(score), on_text=pieces.append)
    assert (answer.kind, opener.calls) == ("template", 0)
    assert pieces == [answer.text]


def test_questions_are_the_models_and_open_it_once(study):
    opener = Opener()
    reasoner = AutoReasoner(opener)
    for score in (0.2, 0.9):
        assert reasoner.explain("Is it normal?", study(score)).kind == "embedded"
    assert opener.calls == 1


def test_what_is_asked_is_not_answered_in_fixed_words(study):
    opener = Opener(WeightsError("the encoder is another"))
    reasoner = AutoReasoner(opener)
    assert reasoner.explain(None, study(0.9)).kind == "template"
    with pytest.raises(WeightsError, match="another"):
        reasoner.explain("Where is it?", study(0.9))
    assert opener.calls == 1


def test_only_what_is_asked_may_fetch_weights(study, monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKTWICE_CACHE", str(tmp_path))

    def refuse(name):
        raise WeightsError("nothing can be fetched")

    monkeypatch.setattr(smollm2, "resolve_wheel_file", refuse)
    reasoner = open_reasoner("auto", encoder=None)
    assert reasoner.explain(None, study(0.9)).kind == "template"
    with pytest.raises(WeightsError, match="nothing can be fetched"):
        reasoner.explain("Where is it?", study(0.9))
