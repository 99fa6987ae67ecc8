"""The reasoners by name, as ``--llm`` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from looktwice.core.answer import Answer, AnswerKind
from looktwice.core.errors import UsageError, WeightsError
from looktwice.models import MODELS, missing_weights, released_expert_path
from looktwice.reasoning import template
from looktwice.reasoning.base import Reasoner, StudyContext, TextSink, Turn

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder

EMBEDDED_WEIGHTS = "nano/reasoner.safetensors"
FOUR_BIT = ":4bit"


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
        return template.answer(context.result, on_text)


def open_reasoner(
    name: str,
    encoder: VisionEncoder,
    allow_remote: bool = False,
    *,
    device: str = "auto",
    max_visual_tokens: int | None = None,
) -> Reasoner:
    """Open a reasoner for studies that an encoder looks at.

    Parameters
    ----------
    name : str
        ``template``, ``embedded``, ``auto``, ``openai:MODEL@URL``, ``onevision-0.5b`` or ``onevision-7b``, the last
        two with ``:4bit`` behind them for half the memory. ``auto`` is ``embedded`` for what is anomalous or unsure,
        loaded when first needed, and ``template`` for the rest and where the language model's weights are not here.
    encoder : VisionEncoder
        The expert's.
    allow_remote : bool
        Medical data may be sent to a server that is not this machine.
    device : {"auto", "cpu", "cuda"}
        For OneVision.
    max_visual_tokens : int, optional
        Most tokens that a study's views may take; by default what the reasoner is made for.

    Raises
    ------
    UsageError
        No reasoner of that name.
    WeightsError
        Its weights are missing, or untrained; the line says what to run.
    """
    budget: dict[str, Any] = {} if max_visual_tokens is None else {"max_visual_tokens": max_visual_tokens}
    if name == "template":
        return TemplateReasoner()
    if name == "embedded":
        return _open_embedded(encoder, budget)
    if name == "auto":
        from looktwice.reasoning.auto import SparingReasoner

        return SparingReasoner(lambda: _open_embedded(encoder, budget, fetch=False), AnswerKind.EMBEDDED)
    if name.removesuffix(FOUR_BIT) in MODELS and MODELS[name.removesuffix(FOUR_BIT)].released_expert:
        return _open_onevision(name, device, budget)
    from looktwice.reasoning.remote import PREFIX, Endpoint, RemoteReasoner

    if name.startswith(PREFIX):
        return RemoteReasoner(Endpoint.parse(name), allow_remote)
    raise UsageError(
        f"no reasoner is called {name!r}; there are auto, template, embedded, onevision-0.5b, onevision-7b and "
        "openai:MODEL@URL"
    )


def _open_embedded(encoder: VisionEncoder, budget: dict[str, Any], fetch: bool = True) -> Reasoner:
    from looktwice.reasoning.embedded import load_embedded
    from looktwice.reasoning.smollm2 import is_here

    if not fetch and not is_here():
        raise WeightsError("run `looktwice models pull nano` for SmolLM2, or take `--llm template`")
    return load_embedded(Path(str(resources.files("looktwice.weights"))) / EMBEDDED_WEIGHTS, encoder, **budget)


def _open_onevision(name: str, device: str, budget: dict[str, Any]) -> Reasoner:
    spec = MODELS[name.removesuffix(FOUR_BIT)]
    missing = missing_weights(spec)
    if missing:
        # A reasoner is opened to be used now: gigabytes are fetched only where they are asked for.
        raise WeightsError(f"{spec.name} is not complete: {'; '.join(missing)}")
    from looktwice.reasoning.loading import load_onevision

    [repository] = spec.repositories
    expert = released_expert_path(spec)
    return load_onevision(repository, expert, device=device, four_bit=name.endswith(FOUR_BIT), **budget)
