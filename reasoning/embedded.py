"""The reasoner that runs on a laptop: EfficientNet tokens, the expert's selection, SmolLM2 with what we trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import torch

from looktwice.encoders.base import VisionEncoder
from looktwice.errors import WeightsError
from looktwice.modalities.study import Modality
from looktwice.reasoning import template
from looktwice.reasoning.answer import Answer, AnswerKind
from looktwice.reasoning.base import StudyContext, TextSink, Turn
from looktwice.reasoning.budget import plan_views
from looktwice.reasoning.embedded_model import EmbeddedModel, ShownView
from looktwice.reasoning.facts import Facts, read_facts
from looktwice.reasoning.generation import Generated, generate
from looktwice.reasoning.grounded import write_grounded
from looktwice.reasoning.grounding import state
from looktwice.reasoning.prompt import EXPLAIN_QUESTION, describe
from looktwice.reasoning.smollm2 import load_smollm2
from looktwice.reasoning.splice import Segment

MAX_VISUAL_TOKENS = 200
"""About a second of reading on two cores."""

LABEL_TOKENS = 20
RETRY_TEMPERATURE = 0.7
UNSURE = "I am not sure: the score of {score:.2f} lies close to the threshold of {threshold:.2f}."


def load_embedded(path: Path, encoder: VisionEncoder, dtype: torch.dtype = torch.float32) -> EmbeddedReasoner:
    """Load the embedded reasoner.

    Parameters
    ----------
    path : Path
        Projector and adapter, as ``EmbeddedModel.save`` writes them.
    encoder : VisionEncoder
        The expert's.
    dtype : torch.dtype
        To compute in.

    Raises
    ------
    WeightsError
        Weights are missing, damaged, untrained or of another encoder.
    """
    llm, tokenizer = load_smollm2(dtype)
    return EmbeddedReasoner(EmbeddedModel.load(path, llm, tokenizer), encoder)


class EmbeddedReasoner:
    """A trained projector and a small language model as a reasoner.

    Parameters
    ----------
    model : EmbeddedModel
        Trained.
    encoder : VisionEncoder
        The one that it was trained with.
    max_new_tokens : int

    Raises
    ------
    WeightsError
        The model is untrained, or reads another encoder's tokens.
    """

    kind = AnswerKind.EMBEDDED

    def __init__(self, model: EmbeddedModel, encoder: VisionEncoder, max_new_tokens: int = 160) -> None:
        if model.config.steps < 1:
            raise WeightsError("the embedded reasoner is untrained; run `looktwice train reasoner`")
        if (model.config.encoder, model.config.token_dim) != (encoder.name, encoder.token_dim):
            raise WeightsError(
                f"the embedded reasoner reads {model.config.encoder} ({model.config.token_dim} channels), the expert "
                f"has {encoder.name} ({encoder.token_dim}); train it with `looktwice train reasoner`"
            )
        self.model = model.eval()
        self.encoder = encoder
        self.max_new_tokens = max_new_tokens
        self._readings: WeakKeyDictionary[StudyContext, list[Segment]] = WeakKeyDictionary()

    def explain(
        self,
        question: str | None,
        context: StudyContext,
        history: Sequence[Turn] = (),
        on_text: TextSink | None = None,
    ) -> Answer:
        """Answer a question about a study, or explain it; see :meth:`Reasoner.explain`.

        Every sentence is checked against the evidence before it is given. Where none stands, the template answers:
        ``kind`` is then ``template``, and ``instead_of`` says ``embedded``.
        """
        facts = read_facts(context)
        if context not in self._readings:
            self._readings[context] = self._read(context)
        pictures = self._readings[context]
        told = describe(facts, context.result.modality)
        opening = UNSURE.format(score=facts.score, threshold=facts.threshold) if facts.unsure and not history else ""

        def go_on(written: str, attempt: int, sink: TextSink, stop: Callable[[], bool]) -> Generated:
            with torch.inference_mode():
                prompt = self.model.embed_prompt(pictures, told, question or EXPLAIN_QUESTION, history, written)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(attempt)
                temperature = RETRY_TEMPERATURE if attempt else 0.0
                [generated] = generate(
                    self.model.llm, self.model.tokenizer, [prompt], self.max_new_tokens, sink, stop, temperature
                )
            return generated

        grounded = write_grounded(go_on, facts, on_text, opening)
        more = {"attempts": grounded.attempts, "rejected": grounded.contradicted} if grounded.contradicted else {}
        if grounded.text:
            return state(grounded.text, self.kind, facts, facts.views, grounded.cut, more)
        return self._instead(context, facts, more, on_text)

    def _instead(
        self, context: StudyContext, facts: Facts, more: dict[str, object], on_text: TextSink | None
    ) -> Answer:
        """Let the template answer."""
        answer = template.explain(context.result)
        if on_text is not None:
            on_text(answer.text)
        fields = {**facts.to_fields(), **answer.fields, **more, "grounded": True, "instead_of": self.kind.value}
        return Answer(answer.text, answer.kind, fields)

    @torch.inference_mode()
    def _read(self, context: StudyContext) -> list[Segment]:
        evidence, result = context.evidence, context.result
        selection = evidence.local_tokens.shape[1]
        if result.modality is Modality.IMAGE:
            whole = context.views[context.study.base].image
            views = [ShownView("", evidence.local_tokens[0], self.encoder.encode([whole]).final[0])]
        else:
            plan = plan_views(
                context.maps.max(axis=(1, 2)).tolist(),
                whole_cost=self.model.config.base_grid**2 + selection + LABEL_TOKENS,
                selected_cost=selection + LABEL_TOKENS,
                budget=MAX_VISUAL_TOKENS,
            )
            views = [self._show(context, index, index in plan.whole) for index in plan.shown]
        return self.model.read(views, evidence.global_token, result.suspicion)

    def _show(self, context: StudyContext, index: int, whole: bool) -> ShownView:
        view = context.views[index]
        final = self.encoder.encode([view.image]).final[0] if whole else None
        return ShownView(view.name, context.evidence.local_tokens[index], final)
