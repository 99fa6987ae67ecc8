"""A language model where something was found, fixed words where all is clearly normal: normals cost no call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from looktwice.core.answer import Answer
from looktwice.core.errors import WeightsError
from looktwice.reasoning import template
from looktwice.reasoning.base import Reasoner, StudyContext, TextSink, Turn
from looktwice.reasoning.grounding.facts import is_unsure

if TYPE_CHECKING:
    from looktwice.core.result import Result
    from looktwice.encoders.base import VisionEncoder

ABOUT = "embedded for anomalous and borderline inputs and for --ask, template for normal ones"

log = logging.getLogger(__name__)


class AutoReasoner:
    """Lets a language model explain what is anomalous or unsure, and answer what is asked; a template says the rest.

    The model is opened when the first study needs it. Where nothing was asked and its weights are missing or damaged,
    the template explains, ``instead_of`` says whose words these are, and one line of the log says what to run.

    Parameters
    ----------
    open_model : callable
        Opens the language model's reasoner; may raise ``WeightsError``. It is told whether a question was asked:
        only then may weights be fetched, as fixed words cannot answer it.
    name : str
        Of that reasoner.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice import modalities
    >>> from looktwice.core.result import Result
    >>> study, maps = modalities.open(np.arange(64, dtype=np.uint8).reshape(8, 8)), np.zeros((1, 4, 4), np.float32)
    >>> result = Result("plate", study.source, study.modality, 0.1, 0.5, study.lift(maps), [], [], 1, {}, "1.0")
    >>> reasoner = AutoReasoner(lambda asked: print("opened"), "embedded")
    >>> reasoner.explain(None, StudyContext(study, None, maps, result)).kind  # clearly normal: no model is opened
    'template'
    """

    def __init__(self, open_model: Callable[[bool], Reasoner], name: str) -> None:
        self.name = name
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
        """Answer a question about a study, or explain it; see :meth:`Reasoner.explain`.

        Raises
        ------
        WeightsError
            A question was asked, and the model's weights cannot be had.
        """
        if question is None and _clearly_normal(context.result):
            return template.answer(context.result, on_text)
        model = self._opened(question is not None)
        if model is not None:
            return model.explain(question, context, history, on_text)
        plain = template.answer(context.result, on_text)
        return replace(plain, fields={**plain.fields, "instead_of": self.name})

    def _opened(self, asked: bool) -> Reasoner | None:
        if self._model is None and (asked or not self._missing):
            try:
                self._model = self._open_model(asked)
            except WeightsError as error:
                if asked:
                    raise
                self._missing = True
                log.warning("explained in fixed words, without the language model: %s", error)
        return self._model


def _clearly_normal(result: Result) -> bool:
    return result.verdict == "normal" and not is_unsure(result)


def open(
    spec: str, *, encoder: VisionEncoder, allow_remote: bool, device: str, max_visual_tokens: int | None
) -> AutoReasoner:
    """Return the embedded reasoner for what needs it, and the template for the rest; nothing is loaded yet."""

    def open_embedded(asked: bool) -> Reasoner:
        from looktwice.reasoning import embedded
        from looktwice.reasoning.embedded.smollm2 import is_here

        if not asked and not is_here():
            raise WeightsError(
                "SmolLM2's weights are missing; run `looktwice models pull nano`, or use `--llm template`"
            )
        return embedded.open(
            "embedded",
            encoder=encoder,
            allow_remote=allow_remote,
            device=device,
            max_visual_tokens=max_visual_tokens,
        )

    return AutoReasoner(open_embedded, "embedded")
