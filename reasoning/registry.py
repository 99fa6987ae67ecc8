"""The reasoners by name, as ``--llm`` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from looktwice.errors import UsageError
from looktwice.reasoning import template
from looktwice.reasoning.answer import Answer, AnswerKind
from looktwice.reasoning.base import Reasoner, StudyContext, TextSink, Turn

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder

EMBEDDED_WEIGHTS = "nano/reasoner.safetensors"


class TemplateReasoner:
    """Says the measured facts in fixed words, whatever the question."""

    kind = AnswerKind.TEMPLATE

    def explain(
        self,
        question: str | None,
        context: StudyContext,
        history: Sequence[Turn] = (),
        on_text: TextSink | None = None,
    ) -> Answer:
        """Return the template's answer; see :meth:`Reasoner.explain`."""
        answer = template.explain(context.result)
        if on_text is not None:
            on_text(answer.text)
        return answer


def open_reasoner(name: str, encoder: VisionEncoder, allow_remote: bool = False) -> Reasoner:
    """Open a reasoner for studies that an encoder looks at.

    Parameters
    ----------
    name : str
        ``template``, ``embedded``, or ``openai:MODEL@URL``.
    encoder : VisionEncoder
        The expert's.
    allow_remote : bool
        Medical data may be sent to a server that is not this machine.

    Raises
    ------
    UsageError
        No reasoner of that name.
    WeightsError
        Its weights are missing, or untrained.
    """
    if name == "template":
        return TemplateReasoner()
    if name == "embedded":
        from looktwice.reasoning.embedded import load_embedded

        return load_embedded(Path(str(resources.files("looktwice.weights"))) / EMBEDDED_WEIGHTS, encoder)
    from looktwice.reasoning.remote import PREFIX, Endpoint, RemoteReasoner

    if name.startswith(PREFIX):
        return RemoteReasoner(Endpoint.parse(name), allow_remote)
    raise UsageError(f"no reasoner is called {name!r}; there are template, embedded and openai:MODEL@URL")
