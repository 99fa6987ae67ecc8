"""The reasoner that runs on a laptop: EfficientNet tokens, the expert's selection, SmolLM2 with what we trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from weakref import WeakKeyDictionary

import torch

from looktwice.core.answer import Answer
from looktwice.core.errors import WeightsError
from looktwice.encoders.base import VisionEncoder
from looktwice.reasoning import template
from looktwice.reasoning.base import StudyContext, TextSink, Turn
from looktwice.reasoning.embedded.closeup import close_up
from looktwice.reasoning.embedded.fields import NONE, QUESTION, Choice, line_of, named_kind, read_fields
from looktwice.reasoning.embedded.model import EmbeddedModel, ShownView
from looktwice.reasoning.embedded.smollm2 import fastest_dtype, load_smollm2
from looktwice.reasoning.generation import Generated, generate
from looktwice.reasoning.grounding.claims import topics_of, topics_to_explain, unsure_opening
from looktwice.reasoning.grounding.contradictions import state
from looktwice.reasoning.grounding.facts import Facts, measure_contrast, read_facts, worst_view
from looktwice.reasoning.grounding.writing import Continue, write_grounded
from looktwice.reasoning.loading_logs import quiet_loading
from looktwice.reasoning.prompt import EXPLAIN_QUESTION, describe
from looktwice.reasoning.prompt_embedding import Segment
from looktwice.reasoning.view_budget import plan_views

MAX_VISUAL_TOKENS = 160
"""About a second of reading on two cores."""

LABEL_TOKENS = 20
CLOSE_UP = "close-up"
RETRY_TEMPERATURE = 0.7


@dataclass(frozen=True)
class Reading:
    """What the model reads of a study, and the fields that it states of it.

    Attributes
    ----------
    pictures : list of Segment
    told : str
        The measured facts in words.
    facts : Facts
        With the kind that the model names.
    fields : dict of str to Choice

    Examples
    --------
    >>> facts = Facts("anomalous", False, 0.9, 0.5, "highly", where="top left", what="scratch")
    >>> reading = Reading([], "The score is 0.90.", facts, {"what": Choice("scratch", 0.8, True)})
    >>> named_kind(reading.fields["what"]) == reading.facts.what
    True
    """

    pictures: list[Segment]
    told: str
    facts: Facts
    fields: dict[str, Choice]


def load_embedded(
    path: Path,
    encoder: VisionEncoder,
    dtype: torch.dtype | None = None,
    max_visual_tokens: int = MAX_VISUAL_TOKENS,
    author: str = "",
) -> EmbeddedReasoner:
    """Load the embedded reasoner.

    Parameters
    ----------
    path : Path
        Projector and adapter, as ``EmbeddedModel.save`` writes them.
    encoder : VisionEncoder
        The expert's.
    dtype : torch.dtype, optional
        To compute in; by default whichever of float32 and bfloat16 is faster here.
    max_visual_tokens : int
        Most tokens that the views of a study take, labels included.
    author : str
        Of its answers.

    Raises
    ------
    WeightsError
        Weights are missing, damaged, untrained or of another encoder.
    """
    with quiet_loading():
        model = EmbeddedModel.load(path, *load_smollm2(torch.float32))
    dtype = dtype or fastest_dtype()
    # Once the adapter is merged, as a sum in bfloat16 would lose some of it; without buffers: positions stay precise.
    for parameter in model.llm.parameters():
        parameter.data = parameter.data.to(dtype)
    return EmbeddedReasoner(model, encoder, max_visual_tokens, author=author)


class EmbeddedReasoner:
    """A trained projector and a small language model as a reasoner.

    Parameters
    ----------
    model : EmbeddedModel
        Trained.
    encoder : VisionEncoder
        The one that it was trained with.
    max_visual_tokens : int
        Most tokens that the views of a study take, labels included.
    max_new_tokens : int
        Longest answer.
    author : str
        Of its answers.

    Raises
    ------
    WeightsError
        The model is untrained, or reads another encoder's tokens.

    Examples
    --------
    >>> reasoner = load_embedded(Path("reasoner.safetensors"), encoder)  # doctest: +SKIP
    >>> answer = reasoner.explain("Where is it?", context)  # doctest: +SKIP
    >>> EmbeddedReasoner.kind  # and that of its answers
    'embedded'
    """

    kind = "embedded"

    def __init__(
        self,
        model: EmbeddedModel,
        encoder: VisionEncoder,
        max_visual_tokens: int = MAX_VISUAL_TOKENS,
        max_new_tokens: int = 160,
        author: str = "",
    ) -> None:
        if model.config.steps < 1:
            raise WeightsError("the embedded reasoner is untrained; run `looktwice train reasoner`")
        if (model.config.encoder, model.config.token_dim) != (encoder.name, encoder.token_dim):
            raise WeightsError(
                f"the embedded reasoner reads {model.config.encoder} ({model.config.token_dim} channels), the expert "
                f"has {encoder.name} ({encoder.token_dim}); train it with `looktwice train reasoner`"
            )
        self.model = model.eval()
        self.encoder = encoder
        self.max_visual_tokens = max_visual_tokens
        self.max_new_tokens = max_new_tokens
        self.author = author
        self._readings: WeakKeyDictionary[StudyContext, Reading] = WeakKeyDictionary()

    def explain(
        self,
        question: str | None,
        context: StudyContext,
        history: Sequence[Turn] = (),
        on_text: TextSink | None = None,
    ) -> Answer:
        """Answer a question about a study, or explain it; see :meth:`Reasoner.explain`.

        Every sentence is checked against the evidence before it is given, and what is claimed of an anomaly is said
        in fixed words. Where no sentence stands, the template answers: ``kind`` is then ``template``, and
        ``instead_of`` says ``embedded``.
        """
        reading = self._reading(context)
        facts = reading.facts
        opening = unsure_opening(facts) if facts.unsure and not history else ""
        asked = topics_of(question) if question else topics_to_explain(facts)
        # A kind that was not stated may not be named.
        held = replace(facts, what=facts.what or NONE)
        grounded = write_grounded(self._writer(reading, question, history), held, on_text, opening, asked)
        more = _probabilities(reading.fields)
        if grounded.contradicted:
            more |= {"attempts": grounded.attempts, "rejected": grounded.contradicted}
        if grounded.text:
            return state(grounded.text, self.kind, facts, facts.views, grounded.cut, more, self.author)
        return self._instead(context, facts, more, on_text)

    def draft(self, question: str | None, context: StudyContext, history: Sequence[Turn] = ()) -> Generated:
        """Return what the model writes of itself, held against nothing: to measure it, not to be shown to anybody."""
        write = self._writer(self._reading(context), question, history)
        return write("", 0, lambda piece: None, lambda: False)

    def _writer(self, reading: Reading, question: str | None, history: Sequence[Turn]) -> Continue:
        stated = Turn(QUESTION, line_of([choice.value for choice in reading.fields.values()]))

        def go_on(written: str, attempt: int, sink: TextSink, stop: Callable[[], bool]) -> Generated:
            with torch.inference_mode():
                prompt = self.model.embed_prompt(
                    reading.pictures, reading.told, question or EXPLAIN_QUESTION, [stated, *history], written
                )
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(attempt)
                temperature = RETRY_TEMPERATURE if attempt else 0.0
                [generated] = generate(
                    self.model.llm, self.model.tokenizer, [prompt], self.max_new_tokens, sink, stop, temperature
                )
            return generated

        return go_on

    def _instead(
        self, context: StudyContext, facts: Facts, more: dict[str, object], on_text: TextSink | None
    ) -> Answer:
        """Let the template answer."""
        answer = template.answer(context.result, on_text)
        fields = {**facts.to_fields(), **answer.fields, **more, "grounded": True, "instead_of": self.kind}
        return replace(answer, fields=fields)

    def _reading(self, context: StudyContext) -> Reading:
        if context not in self._readings:
            self._readings[context] = self._read(context)
        return self._readings[context]

    @torch.inference_mode()
    def _read(self, context: StudyContext) -> Reading:
        facts = replace(read_facts(context), contrast=measure_contrast(context))
        told = describe(facts, context.result.modality)
        pictures = self.model.read(self._shown(context), context.selected.global_token, context.result.suspicion)
        prompt = self.model.embed_prompt(pictures, told, QUESTION)
        fields = read_fields(self.model.llm, self.model.tokenizer, prompt, facts)
        what = named_kind(fields["what"])
        if what is not None:
            fields["what"] = replace(fields["what"], value=what)
        return Reading(pictures, told, replace(facts, what=what), fields)

    def _shown(self, context: StudyContext) -> list[ShownView]:
        """Return the views that the budget has room for, the worst one first in rank, and its close-up."""
        selection, whole = context.selected.local_tokens.shape[1], self.model.config.base_grid**2
        label = LABEL_TOKENS if len(context.maps) > 1 else 0
        whole_cost, close_up_cost = whole + selection + label, whole + LABEL_TOKENS
        has_room = self.max_visual_tokens >= whole_cost + close_up_cost
        significance = context.maps.max(axis=(1, 2)).tolist()
        worst = worst_view(context)
        plan = plan_views(
            significance,
            whole_cost=whole_cost,
            selected_cost=selection + label,
            budget=self.max_visual_tokens - (close_up_cost if has_room else 0),
            base=worst,
        )
        views = [self._show(context, index, index in plan.whole) for index in plan.shown]
        if has_room:
            tokens = self.encoder.encode([close_up(context, worst)]).final[0]
            views.append(ShownView(CLOSE_UP, tokens[:0], tokens))
        return views

    def _show(self, context: StudyContext, index: int, whole: bool) -> ShownView:
        view = context.views[index]
        final = self.encoder.encode([view.image]).final[0] if whole else None
        label = view.name if len(context.maps) > 1 else ""
        return ShownView(label, context.selected.local_tokens[index], final)


def _probabilities(fields: dict[str, Choice]) -> dict[str, object]:
    """Return how likely the model finds each field, and which of them it would have stated otherwise."""
    told: dict[str, object] = {"probability": {name: round(one.probability, 4) for name, one in fields.items()}}
    overruled = [name for name, choice in fields.items() if not choice.agreed]
    return {**told, "overruled": overruled} if overruled else told
