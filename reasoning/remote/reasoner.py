"""A chat model on a server as a reasoner.

The server is sent the most suspicious views, each with its heatmap laid over it, and the measured facts as text;
never the input file, its name, or anything else that may identify a patient. Medical data stays on this machine
unless the caller allows otherwise.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from PIL import Image

from looktwice.core.answer import Answer
from looktwice.core.heat_layer import heat_layer
from looktwice.core.study import ByteArray, Modality
from looktwice.reasoning.base import StudyContext, TextSink, Turn
from looktwice.reasoning.grounding.contradictions import state
from looktwice.reasoning.grounding.facts import read_facts
from looktwice.reasoning.prompt import EXPLAIN_QUESTION, describe
from looktwice.reasoning.remote.endpoint import Endpoint

LONGEST_SIDE = 768
"""Pictures are reduced to this before they are sent, in pixels."""

SHOWN_VIEWS = 4
JPEG_QUALITY = 92

SYSTEM = (
    "You explain the findings of an anomaly detector to a person. Each picture is shown twice: as it is, and with the "
    "detector's heatmap over it, on an absolute scale; a line marks the threshold. The measured facts are right: do "
    "not contradict them, do not invent sizes or places. Say what the suspicious part looks like, what may have "
    "caused it and what to check next, in a few plain sentences. Where the facts are unsure, say so."
)


class RemoteReasoner:
    """A chat model behind an OpenAI-compatible interface.

    Parameters
    ----------
    endpoint : Endpoint
    allow_remote : bool
        Medical data may leave this machine.
    timeout : float
        Longest wait for the server to say something, in seconds.
    retries : int
        How often a call is tried again that failed for a passing reason.
    max_new_tokens : int
    author : str
        Of its answers.

    Raises
    ------
    UsageError
        A key is set and would travel unencrypted to another machine.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> reasoner = RemoteReasoner(Endpoint.parse("openai:llava@https://models.example"))
    >>> scan = SimpleNamespace(study=SimpleNamespace(medical=True))  # stands for the context of a scan
    >>> reasoner.explain(None, scan)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    looktwice.core.errors.UsageError: medical data is not sent to models.example; ...
    """

    kind = "remote"

    def __init__(
        self,
        endpoint: Endpoint,
        allow_remote: bool = False,
        timeout: float = 120.0,
        retries: int = 2,
        max_new_tokens: int = 512,
        author: str = "",
    ) -> None:
        self.endpoint = endpoint
        self.allow_remote = allow_remote
        self.max_new_tokens = max_new_tokens
        self.author = author
        self._client = endpoint.connect(timeout, retries)

    def explain(
        self,
        question: str | None,
        context: StudyContext,
        history: Sequence[Turn] = (),
        on_text: TextSink | None = None,
    ) -> Answer:
        """Answer a question about a study; see :meth:`Reasoner.explain`.

        The structured fields are the evidence's. Where the text says otherwise, ``contradicts`` names the fields.

        Raises
        ------
        UsageError
            Medical data would leave this machine, and that is not allowed.
        LookTwiceError
            The server cannot be reached, refuses, or does not speak the interface.
        """
        if context.study.medical:
            self.endpoint.admit_medical(self.allow_remote)
        facts = read_facts(context)
        pictures, names = _pictures(context)
        content = [{"type": "text", "text": describe(facts, context.result.modality)}, *pictures]
        reply = self._client.complete(
            {
                "model": self.endpoint.model,
                "messages": _messages(content, question or EXPLAIN_QUESTION, history),
                "temperature": 0,
                "max_tokens": self.max_new_tokens,
            },
            on_text,
        )
        return state(reply.text, self.kind, facts, names, reply.cut, {"model": self.endpoint.model}, self.author)


def _messages(content: list[dict[str, Any]], question: str, history: Sequence[Turn]) -> list[dict[str, Any]]:
    questions = [*(turn.question for turn in history), question]
    messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM}]
    for number, asked in enumerate(questions):
        text = {"type": "text", "text": asked}
        messages.append({"role": "user", "content": [*content, text] if number == 0 else asked})
        if number < len(history):
            messages.append({"role": "assistant", "content": history[number].answer})
    return messages


def _pictures(context: StudyContext) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the most suspicious views as message parts, each plain and with its heatmap, and their names."""
    result = context.result
    if result.modality is Modality.IMAGE:  # kind: a photograph is its only view
        shown = [(context.views[context.study.base], result.heatmap.values)]
    else:
        worst = [finding.index for finding in result.worst_views[:SHOWN_VIEWS]] or [context.study.base]
        shown = [(context.views[index], context.maps[index]) for index in worst]
    parts: list[dict[str, Any]] = []
    for view, heat in shown:
        height, width = view.image.shape[:2]
        overlay = heat_layer(heat, (width, height), result.threshold).over(view.image)
        for title, image in ((view.name, view.image), (f"{view.name}, heatmap", overlay)):
            parts += [{"type": "text", "text": title}, {"type": "image_url", "image_url": {"url": data_url(image)}}]
    return parts, tuple(view.name for view, _ in shown)


def data_url(image: ByteArray) -> str:
    """Return a picture, uint8 of shape (H, W, 3), as a JPEG in a ``data:`` address, at most ``LONGEST_SIDE`` long."""
    picture = Image.fromarray(image)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
