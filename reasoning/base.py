"""The type at the door of ``reasoning``: whoever puts evidence into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from looktwice.core.answer import Answer
from looktwice.core.finding import Finding
from looktwice.core.result import Result
from looktwice.core.study import FloatArray, Study, View

if TYPE_CHECKING:  # torch is not needed to read or write an answer
    from looktwice.core.tokens import SelectedTokens

TextSink = Callable[[str], None]
"""Takes an answer piece by piece while it is written. What counts is ``Answer.text``: an endless repetition is cut."""


@dataclass(frozen=True)
class Turn:
    """One question that was put, and the answer that was given.

    Examples
    --------
    >>> from looktwice.reasoning.prompt import chatml
    >>> _, after = chatml("How large is it?", [Turn("Where is it?", "In the top left.")])
    >>> "In the top left." in after
    True
    """

    question: str
    answer: str


@dataclass(frozen=True, eq=False)
class StudyContext:
    """All that a reasoner may know of a study.

    Two contexts are equal only if they are the same object, so that a reasoner can keep what it made of one
    (encoded views, say) over the turns of a conversation.

    Attributes
    ----------
    study : Study
        Gives the views, lazily: take only those that are shown.
    selected : SelectedTokens
        LTFM's, of this one study: S is 1, and V the number of views; for a photograph, of the whole and its tiles.
    maps : float32, shape (views, h, w)
        Calibrated map of each view, in [0, 1].
    findings : tuple of Finding
        What each source of evidence found.
    result : Result
        What was measured: score, threshold, verdict, regions, the most suspicious views. Its answer is not read.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice import modalities
    >>> study, maps = modalities.open(np.arange(64, dtype=np.uint8).reshape(8, 8)), np.ones((1, 4, 4), np.float32)
    >>> result = Result("plate", study.source, study.modality, 0.9, 0.5, study.lift(maps), [], [], 1, {}, "1.0")
    >>> context = StudyContext(study, None, maps, result)
    >>> context.views[0].image.shape, context.result.verdict
    ((8, 8, 3), 'anomalous')
    """

    study: Study
    selected: SelectedTokens
    maps: FloatArray
    result: Result
    findings: tuple[Finding, ...] = ()

    @property
    def views(self) -> Sequence[View]:
        """The study's views, decoded when asked for."""
        return self.study.views()


class Reasoner(Protocol):
    """Answers questions about one study."""

    def explain(
        self,
        question: str | None,
        context: StudyContext,
        history: Sequence[Turn] = (),
        on_text: TextSink | None = None,
    ) -> Answer:
        """Answer a question, or say whether, where, what and why.

        Parameters
        ----------
        question : str or None
            None asks for the explanation of an ``inspect`` report.
        context : StudyContext
        history : sequence of Turn
            What was said before, oldest first.
        on_text : callable, optional
            Called with each piece of the text while it is written.

        Returns
        -------
        Answer
            ``fields`` holds ``verdict``, ``where``, ``size`` and the like as the text states them, and ``grounded``
            where the text was checked against the evidence; ``kind`` is the name of the reasoner that wrote it.

        Raises
        ------
        LookTwiceError
            No answer can be had (out of memory, a server that does not reply); the line says what to do.
        """
        ...
