"""Anomaly-OneVision as a reasoner: transformers' own LLaVA-OneVision that reads what the expert selected.

The selected tokens are spliced in behind words of suspicion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

from looktwice.core.answer import Answer
from looktwice.encoders.llava_vision import LlavaTower
from looktwice.reasoning.base import StudyContext, TextSink, Turn
from looktwice.reasoning.generation import Generated, generate
from looktwice.reasoning.grounding.contradictions import state
from looktwice.reasoning.grounding.facts import read_facts
from looktwice.reasoning.onevision.visual import MAX_VISUAL_TOKENS, Reading, VisualReader
from looktwice.reasoning.prompt import EXPLAIN_QUESTION, chatml
from looktwice.reasoning.prompt_embedding import embed

if TYPE_CHECKING:
    from transformers import LlavaOnevisionForConditionalGeneration, LlavaOnevisionProcessor

    from looktwice.evidence.networks.look_twice import LookTwice


class OneVision:
    """Anomaly-OneVision as a reasoner.

    Parameters
    ----------
    model : LlavaOnevisionForConditionalGeneration
    processor : LlavaOnevisionProcessor
    expert : LookTwice
        Trained on this model's vision tower.
    name : str
    max_visual_tokens : int
        Most tokens that the pictures of a study may take.
    max_new_tokens : int
        Longest answer.
    author : str
        Of its answers.

    Examples
    --------
    >>> from looktwice.reasoning.onevision.loading import load_onevision
    >>> reasoner = load_onevision("llava-hf/llava-onevision-qwen2-0.5b-ov-hf", "expert.pth")  # doctest: +SKIP
    >>> [generated] = reasoner.reply([None], ["What is a scratch?"])  # doctest: +SKIP
    >>> OneVision.kind  # and that of its answers
    'onevision'
    """

    kind = "onevision"

    def __init__(
        self,
        model: LlavaOnevisionForConditionalGeneration,
        processor: LlavaOnevisionProcessor,
        expert: LookTwice,
        name: str = "onevision",
        max_visual_tokens: int = MAX_VISUAL_TOKENS,
        max_new_tokens: int = 512,
        author: str = "",
    ) -> None:
        self.model = model.eval()
        self.tokenizer = processor.tokenizer
        self.encoder = LlavaTower(model, processor.image_processor, f"{name}-tower").eval()
        self.reader = VisualReader(model, self.encoder, expert.eval(), max_visual_tokens)
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

        The structured fields are the evidence's. Where the text says otherwise, ``contradicts`` names the fields.
        """
        if context not in self._readings:
            self._readings[context] = self.reader.read_study(context)
        reading = self._readings[context]
        [generated] = self.reply([reading], [question or EXPLAIN_QUESTION], [history], on_text)
        facts = read_facts(context)
        return state(generated.text, self.kind, facts, reading.views, generated.cut, author=self.author)

    def reply(
        self,
        readings: Sequence[Reading | None],
        questions: Sequence[str],
        histories: Sequence[Sequence[Turn]] | None = None,
        on_text: TextSink | None = None,
    ) -> list[Generated]:
        """Answer several questions in one batch, greedily.

        Parameters
        ----------
        readings : sequence of Reading or None
            From ``reader``, one for each question; None puts the question without a picture.
        questions : sequence of str
        histories : sequence of sequence of Turn, optional
            What was said before, for each question.
        on_text : callable, optional
            Takes the text while it is written; for a single question.
        """
        prompts = []
        for reading, question, history in zip(readings, questions, histories or [()] * len(questions), strict=True):
            before, after = chatml(question, history)
            pictures = reading.segments if reading is not None else []
            with torch.inference_mode():
                prompts.append(embed([before, *pictures, after], self.tokenizer, self.model.get_input_embeddings()))
        return generate(self.model, self.tokenizer, prompts, self.max_new_tokens, on_text)
