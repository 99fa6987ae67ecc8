"""Writing under supervision: each sentence is held against the evidence before anybody reads it.

A sentence that contradicts the evidence is not kept: writing goes on from the last good one, with some chance. Where
that does not help, the answer ends there, and an answer without one good sentence is not given at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from looktwice.reasoning.base import TextSink
from looktwice.reasoning.facts import Facts
from looktwice.reasoning.generation import Generated
from looktwice.reasoning.grounding import contradictions

ATTEMPTS = 3

Continue = Callable[[str, int, TextSink, Callable[[], bool]], Generated]
"""Goes on behind what is written, the n-th time: hands over pieces while writing, and ends when told to stop."""

_SENTENCE = re.compile(r".*?[.!?](?=\s)", re.DOTALL)


@dataclass(frozen=True)
class Grounded:
    """A text without contradictions to the evidence.

    Attributes
    ----------
    text : str
        Empty where not one sentence stood.
    attempts : int
        How often writing was begun.
    contradicted : list of str
        Fields that were contradicted on the way, by what was not kept.
    cut : {"loop", "length"} or None
    """

    text: str
    attempts: int
    contradicted: list[str]
    cut: str | None


def write_grounded(go_on: Continue, facts: Facts, on_text: TextSink | None = None, begun: str = "") -> Grounded:
    """Write a text that the evidence bears.

    Parameters
    ----------
    go_on : Continue
    facts : Facts
    on_text : callable, optional
        Takes each sentence once it has been checked.
    begun : str
        How the text begins, whoever writes it; a text of nothing else counts as empty.
    """
    written = begun
    if begun and on_text is not None:
        on_text(begun)
    contradicted: list[str] = []
    cut: str | None = None
    for attempt in range(ATTEMPTS):
        check = _SentenceCheck(facts, written, on_text)
        generated = go_on(written, attempt, check.add, check.is_over)
        if generated.cut is None or check.kept == written:  # else the last sentence is a fragment, after whole ones
            check.finish()
        written, cut = check.kept, generated.cut
        if not check.against:
            break
        contradicted += [field for field in check.against if field not in contradicted]
    return Grounded("" if written == begun else written.strip(), attempt + 1, contradicted, cut)


class _SentenceCheck:
    """Keeps sentences as they become whole, until one contradicts or says again what was said."""

    def __init__(self, facts: Facts, written: str, on_text: TextSink | None) -> None:
        self.facts = facts
        self.kept = written
        self.on_text = on_text
        self.against: list[str] = []
        self._repeats = False
        self._pending = ""

    def is_over(self) -> bool:
        return self._repeats or bool(self.against)

    def add(self, piece: str) -> None:
        self._pending += piece
        while not self.is_over() and (match := _SENTENCE.match(self._pending)):
            self._keep(match[0])

    def finish(self) -> None:
        """Check what is left over at the end, which may lack its full stop."""
        if self._pending.strip() and not self.is_over():
            self._keep(self._pending)

    def _keep(self, sentence: str) -> None:
        self._pending = self._pending[len(sentence) :]
        self._repeats = sentence.strip() in self.kept
        if self._repeats:
            return
        # A sentence is read with what stands before it: "It lies on the left" needs no verdict of its own.
        self.against = contradictions(self.kept + sentence, self.facts)
        if self.against:
            return
        self.kept += sentence
        if self.on_text is not None:
            self.on_text(sentence)
