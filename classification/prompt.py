"""What a multimodal language model is asked, and how one on this machine is asked it.

The question is VELM's: three pictures and one text (arXiv 2505.02626).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from PIL import Image

from looktwice.classification.anomaly import Anomaly
from looktwice.classification.contour import shown
from looktwice.classification.likelihood import Prompted
from looktwice.classification.measurements import measure
from looktwice.classification.taxonomy import UNKNOWN, Taxonomy
from looktwice.core.errors import LookTwiceError
from looktwice.core.study import ByteArray
from looktwice.reasoning.prompt import chatml, plain
from looktwice.reasoning.prompt_embedding import Segment, embed

if TYPE_CHECKING:
    from looktwice.reasoning.onevision.reasoner import OneVision

Pictures = Sequence[tuple[str, ByteArray]]
"""Pictures with their titles."""

VERSION = 2
"""Raised whenever words or pictures change, so that no answer to another prompt is taken from the cache."""

SYSTEM = (
    "You name anomalies that a detector has found. You see a normal reference where there is one, the inspected "
    "picture, and the same picture with the suspicious region inside a red contour. The contour may be too wide or a "
    "little off; judge what lies inside it and right beside it. Answer with one of the names given, or with "
    f'"{UNKNOWN}" where none of them fits.'
)


def write_prompt(taxonomy: Taxonomy, anomaly: Anomaly | None = None) -> str:
    """Return the text: what is normal, how to decide, the classes by name, and what was measured of an anomaly if any.

    The classes come in the order of their names, whichever order the taxonomy has.
    """
    parts = [f"Inspected: {taxonomy.category.replace('_', ' ')}."]
    if taxonomy.normal:
        parts.append(f"Normal: {' '.join(taxonomy.normal.split())}")
    if taxonomy.strategy:
        parts.append(f"How to decide: {' '.join(taxonomy.strategy.split())}")
    classes = sorted(f"- {entry.name}: {' '.join(entry.description.split())}" for entry in taxonomy.classes.values())
    parts.append("Kinds of anomaly:\n" + "\n".join(classes))
    if anomaly is not None:
        parts.append(f"Measured: {state_measurements(taxonomy, anomaly)}")
    parts.append("Which kind is shown inside the red contour?")
    return "\n\n".join(parts)


def write_pictures(anomaly: Anomaly) -> list[tuple[str, ByteArray]]:
    """Return the pictures with their titles, 448 × 448 each: reference, query, and query with contour."""
    pictures: list[tuple[str, ByteArray]] = []
    for view in anomaly.views:
        reference = view.reference if view.expected is None else view.expected
        if reference is not None:
            pictures.append((f"{view.name}, normal reference", shown(reference)))
        pictures.append((view.name, shown(view.image)))
        pictures.append((f"{view.name}, region in red", shown(view.image, view.mask)))
    return pictures


def state_measurements(taxonomy: Taxonomy, anomaly: Anomaly) -> str:
    """Say the main measurements of the region in one line, with what was measured in the input's own space."""
    facts = [f"{name.replace('_', ' ')} {_brief(value)}" for name, value in anomaly.facts.items() if value is not None]
    return ", ".join([*measured_phrases(taxonomy, anomaly), *facts]) + "."


def measured_phrases(taxonomy: Taxonomy, anomaly: Anomaly) -> list[str]:
    """Say the main measurements of the region in the picture, one by one."""
    found = measure(anomaly.views[0], taxonomy.drawing)
    said = [
        f"{100 * anomaly.views[0].mask.mean():.2g} % of the picture",
        f"{2 ** found['log_elongation']:.1f} times as long as wide",
        "darker than its surroundings" if found["contrast"] < 0 else "brighter than its surroundings",
        "reaching the border" if found["border_contact"] else "away from the border",
    ]
    if taxonomy.drawing is not None:
        said.append("material missing" if found["missing_share"] > 0.5 else "material added")
    return said


def _brief(value: Any) -> str:
    """Write a fact with three figures."""
    if isinstance(value, (list, tuple)):
        return " × ".join(map(_brief, value))
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


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

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.reasoning.onevision.multimodal import find_weights, load_multimodal
    >>> photograph = np.zeros((64, 64, 3), np.uint8)
    >>> prompter = ChatPrompter(*load_multimodal(find_weights("qwen2-vl-2b"), "cpu"))  # doctest: +SKIP
    >>> read = prompter.put(SYSTEM, [("plate", photograph)], "Which kind is shown?")  # doctest: +SKIP
    >>> first_word = prompter.tokenizer.decode(read.logits.argmax())  # doctest: +SKIP
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

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.encoders.registry import create_encoder
    >>> from looktwice.reasoning import onevision
    >>> photograph = np.zeros((64, 64, 3), np.uint8)
    >>> encoder = create_encoder("efficientnet_lite0")  # doctest: +SKIP
    >>> prompter = LookTwicePrompter(
    ...     onevision.open("onevision-0.5b", encoder=encoder, allow_remote=False, device="cpu", max_visual_tokens=None)
    ... )  # doctest: +SKIP
    >>> read = prompter.put(SYSTEM, [("plate", photograph)], "Which kind is shown?")  # doctest: +SKIP
    >>> first_word = prompter.tokenizer.decode(read.logits.argmax())  # doctest: +SKIP
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
            f"out of memory on {model.device} with a prompt of {length} tokens; use a smaller model, or add :4bit to "
            "its name"
        ) from error
    return Prompted(model, output.past_key_values, output.logits[0, -1], length)


def _words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": plain(text)}


def _picture(image: ByteArray) -> dict[str, Any]:
    return {"type": "image", "image": Image.fromarray(image)}
