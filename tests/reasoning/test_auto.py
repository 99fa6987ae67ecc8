from __future__ import annotations

import logging

import numpy as np
import pytest

from looktwice.core.answer import Answer, AnswerKind
from looktwice.core.errors import WeightsError
from looktwice.reasoning import smollm2
from looktwice.reasoning.auto import SparingReasoner
from looktwice.reasoning.registry import open_reasoner


class Writer:
    kind = AnswerKind.EMBEDDED

    def explain(self, question, context, history=(), on_text=None):
        return Answer("By the model.", self.kind)


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


def test_clearly_normal_studies_cost_no_model(study):
    opener = Opener()
    reasoner = SparingReasoner(opener, AnswerKind.EMBEDDED)
    answer = reasoner.explain(None, study(0.2))
    assert (answer.kind, opener.calls) == (AnswerKind.TEMPLATE, 0)
    assert "instead_of" not in answer.fields


@pytest.mark.parametrize(("score", "question"), [(0.9, None), (0.495, None), (0.2, "Is it normal?")])
def test_what_was_found_or_asked_is_the_models(study, score, question):
    opener = Opener()
    reasoner = SparingReasoner(opener, AnswerKind.EMBEDDED)
    for _ in range(2):
        assert reasoner.explain(question, study(score)).kind is AnswerKind.EMBEDDED
    assert opener.calls == 1


def test_without_weights_the_template_explains_and_one_line_says_what_to_run(study, caplog):
    opener = Opener(WeightsError("run `looktwice models pull nano`"))
    reasoner = SparingReasoner(opener, AnswerKind.EMBEDDED)
    pieces: list[str] = []
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            answer = reasoner.explain(None, study(0.9), on_text=pieces.append)
    assert (answer.kind, answer.fields["instead_of"]) == (AnswerKind.TEMPLATE, "embedded")
    assert pieces == [answer.text] * 2
    (record,) = caplog.records
    assert "run `looktwice models pull nano`" in record.getMessage()
    assert opener.calls == 1


def test_auto_fetches_nothing(study, monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("LOOKTWICE_CACHE", str(tmp_path))
    monkeypatch.setattr(smollm2, "resolve_wheel_file", lambda name: pytest.fail("weights were fetched"))
    assert not smollm2.is_here()
    answer = open_reasoner("auto", encoder=None).explain(None, study(0.9))
    assert answer.kind is AnswerKind.TEMPLATE
    assert "models pull nano" in caplog.text
