"""Fixed words for what was measured, and a language model for what is asked.

The embedded model takes 7 s for an explanation that says less than the template does (weights/nano/reasoner.md), so it
speaks where fixed words cannot: when a question is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from looktwice.core.answer import Answer
from looktwice.reasoning import template
from looktwice.reasoning.base import Reasoner, StudyContext, TextSink, Turn

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder

ABOUT = "template for explanations, embedded for what is asked (--ask, chat)"


class AutoReasoner:
    """Lets a template explain, and a language model answer what is asked; it is opened by the first question.

    Parameters
    ----------
    open_model : callable
        Opens the language model's reasoner; may raise ``WeightsError``.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice import modalities
    >>> from looktwice.core.result import Result
    >>> study, maps = modalities.open(np.arange(64, dtype=np.uint8).reshape(8, 8)), np.zeros((1, 4, 4), np.float32)
    >>> result = Result("plate", study.source, study.modality, 0.1, 0.5, study.lift(maps), [], [], 1, {}, "1.0")
    >>> reasoner = AutoReasoner(lambda: print("opened"))
    >>> reasoner.explain(None, StudyContext(study, None, maps, result)).kind  # nothing was asked: no model is opened
    'template'
    """

    def __init__(self, open_model: Callable[[], Reasoner]) -> None:
        self._open_model = open_model
        self._model: Reasoner | None = None

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
        if question is None:
            return template.answer(context.result, on_text)
        if self._model is None:
            self._model = self._open_model()
        return self._model.explain(question, context, history, on_text)


def open(
    spec: str, *, encoder: VisionEncoder, allow_remote: bool, device: str, max_visual_tokens: int | None
) -> AutoReasoner:
    """Return the template, with the embedded reasoner for questions; nothing is loaded yet."""

    def open_embedded() -> Reasoner:
        from looktwice.reasoning import embedded

        return embedded.open(
            "embedded",
            encoder=encoder,
            allow_remote=allow_remote,
            device=device,
            max_visual_tokens=max_visual_tokens,
        )

    return AutoReasoner(open_embedded)
