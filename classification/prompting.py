"""Putting pictures and text to a language model on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from PIL import Image

from looktwice.classification.likelihood import Prompted
from looktwice.core.errors import LookTwiceError
from looktwice.core.study import ByteArray
from looktwice.reasoning.prompt import chatml, plain
from looktwice.reasoning.prompt_embedding import Segment, embed

if TYPE_CHECKING:
    from looktwice.reasoning.onevision.reasoner import OneVision

Pictures = Sequence[tuple[str, ByteArray]]
"""Pictures with their titles."""


class Prompter(Protocol):
    """Puts a prompt to a model.

    Attributes
    ----------
    model : PreTrainedModel
    tokenizer : PreTrainedTokenizerBase
    """

    model: Any
    tokenizer: Any

    def put(self, system: str, pictures: Pictures, text: str) -> Prompted:
        """Let the model read the system's words, the pictures with their titles, and the text."""
        ...


class ChatPrompter:
    """Any model of transformers with a chat template: Qwen2-VL, Qwen2.5-VL, Qwen3-VL, LLaVA-OneVision ...

    Parameters
    ----------
    model : PreTrainedModel
        Of ``AutoModelForImageTextToText``.
    processor : ProcessorMixin
    """

    def __init__(self, model: Any, processor: Any) -> None:
        self.model, self.processor, self.tokenizer = model, processor, processor.tokenizer

    def put(self, system: str, pictures: Pictures, text: str) -> Prompted:
        """Let the model read a prompt; see :meth:`Prompter.put`."""
        shown = [part for title, image in pictures for part in (_words(f"{title}:"), _picture(image))]
        messages = [
            {"role": "system", "content": [_words(system)]},
            {"role": "user", "content": [*shown, _words(text)]},
        ]
        inputs = self.processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        # Qwen-VL keeps where text goes on behind pictures from one call to the next; the next prompt is another one.
        for module in self.model.modules():
            if hasattr(module, "rope_deltas"):
                module.rope_deltas = None
        return _read(self.model, inputs.to(self.model.device, self.model.dtype), inputs["input_ids"].shape[1])


class LookTwicePrompter:
    """Anomaly-OneVision: each picture with the tokens that the expert selects in it.

    Parameters
    ----------
    onevision : OneVision
    """

    def __init__(self, onevision: OneVision) -> None:
        self.model, self.tokenizer, self._reader = onevision.model, onevision.tokenizer, onevision.reader

    def put(self, system: str, pictures: Pictures, text: str) -> Prompted:
        """Let the model read a prompt; see :meth:`Prompter.put`."""
        before, after = chatml(text, (), system)
        segments: list[Segment] = [before]
        readings = self._reader.read_pictures([image for _, image in pictures]) if pictures else []
        for (title, _), reading in zip(pictures, readings, strict=True):
            segments += [f"{plain(title)}: ", *reading.segments, "\n"]
        with torch.inference_mode():
            sequence = embed([*segments, after], self.tokenizer, self.model.get_input_embeddings())
        return _read(self.model, {"inputs_embeds": sequence[None]}, len(sequence))


@torch.inference_mode()
def _read(model: Any, inputs: Any, length: int) -> Prompted:
    try:
        # Only the last logits: those of a whole prompt with pictures would take gigabytes.
        output = model(**inputs, use_cache=True, logits_to_keep=1)
    except torch.OutOfMemoryError as error:
        raise LookTwiceError(
            f"out of memory on {model.device} at a prompt of {length} tokens; take a smaller model, or :4bit"
        ) from error
    return Prompted(model, output.past_key_values, output.logits[0, -1], length)


def _words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": plain(text)}


def _picture(image: ByteArray) -> dict[str, Any]:
    return {"type": "image", "image": Image.fromarray(image)}
