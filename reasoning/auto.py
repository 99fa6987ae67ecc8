"""A language model where something was found, fixed words where all is clearly normal: normals cost no call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from looktwice.core.answer import Answer, AnswerKind
from looktwice.core.errors import WeightsError
from looktwice.reasoning import template
from looktwice.reasoning.base import Reasoner, StudyContext, TextSink, Turn
from looktwice.reasoning.facts import is_unsure

if TYPE_CHECKING:
    from looktwice.core.result import Result

log = logging.getLogger(__name__)


class SparingReasoner:
    """Lets a language model explain what is anomalous or unsure, and answer what is asked; a template says the rest.

    The model is opened when the first study needs it. Where its weights are missing or damaged, the template
    explains, ``instead_of`` says whose words these are, and one line of the log says what to run.

    Parameters
    ----------
    open_model : callable
        Opens the language model's reasoner; may raise ``WeightsError``.
    kind : AnswerKind
        Of that reasoner.
    """

    def __init__(self, open_model: Callable[[], Reasoner], kind: AnswerKind) -> None:
        self.kind = kind
        self._open_model = open_model
        self._model: Reasoner | None = None
        self._missing = False

    def explain(
        self,
        question: str | None,
        context: StudyContext,
        history: Sequence[Turn] = (),
        on_text: TextSink | None = None,
    ) -> Answer:
        """Answer a question about a study, or explain it; see :meth:`Reasoner.explain`."""
        if question is None and _clearly_normal(context.result):
            return template.answer(context.result, on_text)
        model = self._opened()
        if model is not None:
            return model.explain(question, context, history, on_text)
        plain = template.answer(context.result, on_text)
        return replace(plain, fields={**plain.fields, "instead_of": self.kind.value})

    def _opened(self) -> Reasoner | None:
        if self._model is None and not self._missing:
            try:
                self._model = self._open_model()
            except WeightsError as error:
                self._missing = True
                log.warning("explained in fixed words, without the language model: %s", error)
        return self._model


def _clearly_normal(result: Result) -> bool:
    return result.verdict == "normal" and not is_unsure(result)
