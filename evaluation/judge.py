"""The GPT score: a language model marks an answer against the reference.

Which model and which prompt gave a figure is part of the figure; both are recorded with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

PROMPT = """You mark an answer about a possible anomaly in an image. You do not see the image; the reference is right.
Compare what is stated: whether there is an anomaly, where it is, what it looks like, what kind it is, and what follows
from it. Ignore style and length. 10 means that all of it agrees and nothing is invented, 0 that nothing agrees.

Question: {question}
Reference: {reference}
Answer: {answer}

Reply with one whole number from 0 to 10 and nothing else."""

_MARK = re.compile(r"\b(10|\d)(?:\.0+)?\b")


@dataclass(frozen=True)
class Judge:
    """Marks answers from 0 to 10.

    Attributes
    ----------
    model : str
        Name of the model, for the record.
    ask : callable
        Sends a prompt to the model and returns its reply.
    prompt : str
        With the fields ``{question}``, ``{reference}`` and ``{answer}``.

    Examples
    --------
    >>> judge = Judge("stand-in", ask=lambda prompt: "8")
    >>> judge.mark("Is it sound?", "No, it is cracked.", "No, there is a crack.")
    8.0
    """

    model: str
    ask: Callable[[str], str]
    prompt: str = PROMPT

    def mark(self, question: str, reference: str, answer: str) -> float | None:
        """Return the mark, or None where the reply holds none."""
        found = _MARK.search(self.ask(self.prompt.format(question=question, reference=reference, answer=answer)))
        return None if found is None else float(found.group(1))
