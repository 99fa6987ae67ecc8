"""The words around the tokens, as Anomaly-OneVision was trained with (arXiv 2502.07601, on LLaVA-OneVision)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from looktwice.core.study import Modality
from looktwice.reasoning.base import Turn
from looktwice.reasoning.grounding.facts import Facts

DETECTION_QUESTION = "Are there any defects for the object in the image? Please reply with 'Yes' or 'No'."
"""The published yes/no question; decode greedily."""

EXPLAIN_QUESTION = (
    "Is there any anomaly here? Say whether there is one, where it lies, what it looks like, "
    "what may have caused it, and what to check next."
)
"""Put where nobody asked: the explanation in a report."""

SYSTEM = "You are a helpful assistant."

_SPECIAL = re.compile(r"<\|[^|<>]*\|>|</?s>|<(?:image|video)>")


def suspicion_phrase(word: str) -> str:
    """Return the words before the selected tokens; in Qwen2's vocabulary six tokens, the last one a space."""
    return f"with {word} suspicious features: "


def chatml(question: str, history: Sequence[Turn] = (), system: str = SYSTEM) -> tuple[str, str]:
    """Write a conversation in ChatML ("qwen_1_5"), split where the pictures belong.

    The pictures of a study come once, at the start of the first user turn, whichever question is put now.

    Returns
    -------
    before, after : str
        What stands before and after the visual tokens; `after` ends where the assistant is to speak.
    """
    questions = [*(turn.question for turn in history), question]
    after = f"\n{plain(questions[0])}<|im_end|>\n"
    for turn, following in zip(history, questions[1:], strict=True):
        after += (
            f"<|im_start|>assistant\n{plain(turn.answer)}<|im_end|>\n<|im_start|>user\n{plain(following)}<|im_end|>\n"
        )
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n", f"{after}<|im_start|>assistant\n"


_CALLED = {
    Modality.IMAGE: "photograph",  # kind: its name in a prompt
    Modality.VOLUME: "medical volume",  # kind: its name in a prompt
    Modality.POINTCLOUD: "3D scan",  # kind: its name in a prompt
}


def describe(facts: Facts, modality: Modality) -> str:
    """Return the facts as the text that a model is sent with the pictures."""
    what = _CALLED.get(modality, "input")
    lines = [
        f"Measured facts about this {what}:",
        f"- anomaly score {facts.score:.2f}, threshold {facts.threshold:.2f}: {facts.verdict}"
        + (", but too close to the threshold to be sure" if facts.unsure else ""),
    ]
    if facts.where is not None:
        lines.append(f"- place: {facts.where} of {facts.view or 'the picture'}")
    elif facts.verdict == "anomalous":
        lines.append(f"- place: spread over {facts.view or 'the picture'}")
    if facts.size is not None:
        lines.append(f"- size of the worst region: {facts.size}")
    if facts.regions > 1:
        lines.append(f"- regions above the threshold: {facts.regions}")
    return "\n".join(lines)


def plain(text: str) -> str:
    """Strip what a chat template or a tokenizer would read as a control token."""
    while (stripped := _SPECIAL.sub("", text)) != text:
        text = stripped
    return text.strip()
