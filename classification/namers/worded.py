"""The measured namer, its reason worded by SmolLM2, which is held to what was measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from looktwice.classification.anomaly import Anomaly
from looktwice.classification.measurements import measure
from looktwice.classification.namers import measured
from looktwice.classification.namers.measured import MeasuredNamer
from looktwice.classification.naming import Naming
from looktwice.classification.prompt import measured_phrases
from looktwice.classification.taxonomy import Taxonomy
from looktwice.reasoning.base import Turn

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder

ABOUT = "the same, and SmolLM2 words the reason"
SPECS = ("measured:smollm2",)
ALIASES = {"embedded:smollm2": "measured:smollm2"}

SYSTEM = "Rewrite the notes as one sentence. Use only what the notes say."
SHOWN = (
    Turn(
        "kind: stain; seen: large, faint; measured: 6.1 % of the picture, brighter than its surroundings",
        "It is a stain: the region is large and faint, 6.1 % of the picture, and brighter than its surroundings.",
    ),
    Turn(
        "kind: scratch; seen: elongated, sharp; measured: 11.0 times as long as wide, darker than its surroundings",
        "It is a scratch: the region is elongated and sharp, 11.0 times as long as wide, darker than its surroundings.",
    ),
)
"""What is wanted, by example: without it the model adds, drops and turns round what it is told."""

MAX_NEW_TOKENS = 80
GLUE = frozenset(("a", "an", "and", "has", "in", "is", "it", "of", "region", "that", "the", "this", "which", "with"))
"""Words that state nothing by themselves."""

Write = Callable[[str], tuple[str, dict[str, int]]]
"""Takes notes, returns a sentence and the tokens that it cost."""


def open(
    spec: str,
    taxonomy: Taxonomy,
    *,
    encoder: VisionEncoder,
    examples: Mapping[str, Sequence[Anomaly]],
    allow_remote: bool,
    device: str,
) -> WordedNamer:
    """Open the measured namer and SmolLM2.

    Raises
    ------
    UsageError
        The examples cannot be learned from.
    WeightsError
        SmolLM2's weights are not here and cannot be had.
    """
    namer = measured.open(spec, taxonomy, encoder=encoder, examples=examples, allow_remote=allow_remote, device=device)
    return WordedNamer(namer, load_writer())


class WordedNamer:
    """The measured namer, its reason worded by a language model that may say what was measured and nothing else.

    Parameters
    ----------
    namer : MeasuredNamer
    write : callable
        Words notes; see :func:`load_writer`.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.classification.anomaly import AnomalyView, Contours
    >>> from looktwice.classification.taxonomy import load_taxonomies
    >>> image, mask = np.full((64, 64, 3), 120, np.uint8), np.zeros((64, 64), bool)
    >>> mask[30:32, 10:50], image[30:32, 10:50] = True, 20
    >>> crack = Anomaly((AnomalyView(image, mask),), Contours.PREDICTED)
    >>> plain = MeasuredNamer(None, load_taxonomies("magnetic_tile")["magnetic_tile"])  # no examples, no encoder
    >>> WordedNamer(plain, lambda notes: ("It is a crack: the region is dark and long.", {})).identify(crack).why
    'It is a crack: the region is dark and long.'

    A sentence that says more than was measured is refused:

    >>> WordedNamer(plain, lambda notes: ("It is a crack that a hammer made.", {})).identify(crack).why
    'the region is dark, elongated, long and sharp'
    """

    name, version = "measured:smollm2", ""

    def __init__(self, namer: MeasuredNamer, write: Write) -> None:
        self.taxonomy, self._namer, self._write = namer.taxonomy, namer, write

    def identify(self, anomaly: Anomaly) -> Naming:
        """Name one anomaly; where the model's sentence says anything else, the template's stays, and is marked so."""
        naming = self._namer.identify(anomaly)
        if naming.is_unknown:
            return naming
        shown = self.taxonomy.classes[naming.key].name
        seen = self._namer.agreeing(naming.key, measure(anomaly.views[0], self.taxonomy.drawing))
        phrases = measured_phrases(self.taxonomy, anomaly)
        text, tokens = self._write(
            f"kind: {shown}; seen: {', '.join(seen) or 'nothing'}; measured: {', '.join(phrases)}"
        )
        if not says_only(text, shown, [*seen, *phrases]):
            return replace(naming, tokens=tokens, worded_by="template")
        return replace(naming, why=text, tokens=tokens, worded_by="smollm2")


def says_only(text: str, shown: str, phrases: Sequence[str]) -> bool:
    """Tell whether a text is one sentence that names a class and says of it some of some phrases, and nothing else.

    A model that turns round what it was told, or adds a word, could contradict the measurements in ways that no list of
    opposites holds; so everything is refused but the phrases as they are, the class, and words that state nothing.

    >>> says_only("It is a pit: the region is dark, 0.5 % of the picture.", "pit", ["dark", "0.5 % of the picture"])
    True
    >>> says_only("It is a pit: the region is not dark.", "pit", ["dark", "0.5 % of the picture"])
    False
    """
    rest = f" {text.strip().lower()} "
    if not rest.endswith(". ") or not re.search(rf"\b{re.escape(shown.lower())}\b", rest):
        return False
    said = 0
    for phrase in sorted(phrases, key=len, reverse=True):
        rest, count = re.subn(rf"(?<!\w){re.escape(phrase.lower())}(?!\w)", " ", rest)
        said += count
    rest = rest.replace(shown.lower(), " ")
    return said > 0 and not set(re.findall(r"[^\s,.:;]+", rest)) - GLUE


def load_writer() -> Write:
    """Load SmolLM2 to word notes.

    Raises
    ------
    WeightsError
        Its weights are not here and cannot be had.
    """
    import torch

    from looktwice.reasoning.embedded.smollm2 import fastest_dtype, load_smollm2
    from looktwice.reasoning.generation import generate
    from looktwice.reasoning.loading_logs import quiet_loading
    from looktwice.reasoning.prompt import chatml
    from looktwice.reasoning.prompt_embedding import embed

    with quiet_loading():
        model, tokenizer = load_smollm2(fastest_dtype())

    def write(notes: str) -> tuple[str, dict[str, int]]:
        with torch.inference_mode():
            prompt = embed(["".join(chatml(notes, SHOWN, SYSTEM))], tokenizer, model.get_input_embeddings())
        [written] = generate(model, tokenizer, [prompt], MAX_NEW_TOKENS)
        return written.text, {"prompt": len(prompt), "answer": len(tokenizer(written.text)["input_ids"])}

    return write
