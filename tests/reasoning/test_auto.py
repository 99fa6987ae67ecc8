from __future__ import annotations

import logging

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

    def __call__(self, asked: bool) -> Writer:
        self.calls += 1
        if self.error:
            raise self.error
        return Writer()


@pytest.fixture
def study(context_of):
    maps = np.full((1, 30, 30), 0.1)
    maps[0, 2:8, 1:7] = 0.9
    return lambda score: context_of(maps, score=score)


def test_clearly_normal_studies_cost_no_model(study):
    opener = Opener()
    reasoner = AutoReasoner(opener, "embedded")
    answer = reasoner.explain(None, study(0.2))
    assert (answer.kind, opener.calls) == ("template", 0)
    assert "instead_of" not in answer.fields


@pytest.mark.parametrize(("score", "question"), [(0.9, None), (0.495, None), (0.2, "Is it normal?")])
def test_what_was_found_or_asked_is_the_models(study, score, question):
    opener = Opener()
    reasoner = AutoReasoner(opener, "embedded")
    for _ in range(2):
        assert reasoner.explain(question, study(score)).kind == "embedded"
    assert opener.calls == 1


def test_without_weights_the_template_explains_and_one_line_says_what_to_run(study, caplog):
    opener = Opener(WeightsError("run `looktwice models pull nano`"))
    reasoner = AutoReasoner(opener, "embedded")
    pieces: list[str] = []
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            answer = reasoner.explain(None, study(0.9), on_text=pieces.append)
    assert (answer.kind, answer.fields["instead_of"]) == ("template", "embedded")
    assert pieces == [answer.text] * 2
    (record,) = caplog.records
    assert "run `looktwice models pull nano`" in record.getMessage()
    assert opener.calls == 1


def test_what_is_asked_is_not_answered_in_fixed_words(study):
    opener = Opener(WeightsError("the encoder is another"))
    reasoner = AutoReasoner(opener, "embedded")
    assert reasoner.explain(None, study(0.9)).kind == "template"
    with pytest.raises(WeightsError, match="another"):
        reasoner.explain("Where is it?", study(0.9))
    assert opener.calls == 2


def test_only_what_is_asked_may_fetch_weights(study, monkeypatch, tmp_path):
    monkeypatch.setenv("LOOKTWICE_CACHE", str(tmp_path))

    def refuse(name):
        raise WeightsError("nothing can be fetched")

    monkeypatch.setattr(smollm2, "resolve_wheel_file", refuse)
    with pytest.raises(WeightsError, match="nothing can be fetched"):
        open_reasoner("auto", encoder=None).explain("Where is it?", study(0.9))


def test_auto_fetches_nothing(study, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("LOOKTWICE_CACHE", str(tmp_path))
    monkeypatch.setattr(smollm2, "resolve_wheel_file", lambda name: pytest.fail("weights were fetched"))
    assert not smollm2.is_here()
    answer = open_reasoner("auto", encoder=None).explain(None, study(0.9))
    assert answer.kind == "template"
    assert "models pull nano" in caplog.text
