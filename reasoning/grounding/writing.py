"""Writing under supervision: each sentence is held against the evidence before anybody reads it.

The model chooses what to speak of. Where a sentence claims what a small model gets wrong (kind, looks, extent,
severity), or contradicts the evidence, the claim is made in fixed words in its place (``grounding.claims``), each once.
A contradiction that no fixed words mend is not kept: writing goes on from the last good sentence, with some chance. An
answer without one sentence is not given at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from looktwice.reasoning.base import TextSink
from looktwice.reasoning.generation import Generated
from looktwice.reasoning.grounding.claims import FREE, NEXT, VERDICT, WHERE, claims_of, topics_of
from looktwice.reasoning.grounding.contradictions import contradictions, stated_verdicts
from looktwice.reasoning.grounding.facts import Facts

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

    Examples
    --------
    >>> facts = Facts("anomalous", False, 0.9, 0.5, "highly", where="top left")
    >>> drafts = ["No, it is normal.", "Yes, there is a defect in the top left."]
    >>> def go_on(before, attempt, on_text, stop):
    ...     on_text(drafts[attempt])
    ...     return Generated(drafts[attempt])
    >>> write_grounded(go_on, facts)
    Grounded(text='Yes, there is a defect in the top left.', attempts=2, contradicted=['verdict'], cut=None)
    """

    text: str
    attempts: int
    contradicted: list[str]
    cut: str | None


def write_grounded(
    go_on: Continue, facts: Facts, on_text: TextSink | None = None, begun: str = "", asked: Iterable[str] = ()
) -> Grounded:
    """Write a text that the evidence bears.

    Parameters
    ----------
    go_on : Continue
    facts : Facts
    on_text : callable, optional
        Takes each sentence once it has been checked.
    begun : str
        How the text begins, whoever writes it; a text of nothing else counts as empty.
    asked : iterable of str
        Topics of ``reasoning.grounding.claims`` to speak of in any case, at the end where the model has not.
    """
    sentences = _Sentences(facts, begun, on_text, asked)
    contradicted: list[str] = []
    cut: str | None = None
    for attempt in range(ATTEMPTS):
        before = sentences.kept
        sentences.begin()
        generated = go_on(before, attempt, sentences.add, sentences.is_over)
        cut = generated.cut
        if cut is None or sentences.kept == before:  # else the last sentence is a fragment, after whole ones
            sentences.finish()
        if not sentences.against:
            break
        contradicted += [field for field in sentences.against if field not in contradicted]
    if sentences.kept == begun:
        return Grounded("", attempt + 1, contradicted, cut)
    sentences.claim(sentences.asked)
    return Grounded(sentences.kept.strip(), attempt + 1, contradicted, cut)


class _Sentences:
    """Takes sentences as they become whole: keeps them, or says what they were to say, until one contradicts."""

    def __init__(self, facts: Facts, begun: str, on_text: TextSink | None, asked: Iterable[str]) -> None:
        self.facts = facts
        self.asked = set(asked)
        self.kept = ""
        self.on_text = on_text
        self._in_own_words: set[str] = set()
        self.begin()
        self._claims = claims_of(facts)
        self._spoken_of: set[str] = set()
        if begun:
            self._spoken_of |= {VERDICT, *topics_of(begun)}
            self._say(begun)

    def begin(self) -> None:
        """Begin an attempt."""
        self.against: list[str] = []
        self._heard = set(self._in_own_words)
        self._repeats = False
        self._pending = ""

    def is_over(self) -> bool:
        return self._repeats or bool(self.against)

    def add(self, piece: str) -> None:
        self._pending += piece
        while not self.is_over() and (match := _SENTENCE.match(self._pending)):
            self._take(match[0])

    def finish(self) -> None:
        """Check what is left over at the end, which may lack its full stop."""
        if self._pending.strip() and not self.is_over():
            self._take(self._pending)

    def claim(self, topics: set[str]) -> None:
        """Say in fixed words what can be said of topics that were not spoken of yet."""
        wanted = topics - self._spoken_of
        if VERDICT in wanted and not self.facts.unsure:  # the verdict says where
            wanted = wanted - {WHERE}
            topics = topics | {WHERE}
        self._spoken_of |= topics
        for topic, sentence in self._claims.items():
            if topic in wanted and sentence not in self.kept:
                self._say(sentence)

    def _take(self, sentence: str) -> None:
        self._pending = self._pending[len(sentence) :]
        self._repeats = sentence.strip() in self._heard
        if self._repeats:
            return
        self._heard.add(sentence.strip())
        topics, against = topics_of(sentence, self.facts.views), self._against(sentence)
        if against and topics <= {VERDICT} and not self.facts.unsure:
            self.against = against
        elif against or not topics <= FREE:
            self.claim((self.asked - {NEXT}) | (topics or {VERDICT}))
        elif NEXT in topics:  # advice comes last
            self.claim(self.asked - {NEXT} - topics)
            self._keep(sentence, topics)
        elif topics - self._spoken_of:  # of no topic, it would be about what nobody measured
            self._keep(sentence, topics)

    def _keep(self, sentence: str, topics: set[str]) -> None:
        self._spoken_of |= topics
        self._in_own_words.add(sentence.strip())
        self._say(sentence)

    def _against(self, sentence: str) -> list[str]:
        """Return what a sentence contradicts; of a study that is unsure, none may give a verdict."""
        against = contradictions(sentence, self.facts)
        return [*against, VERDICT] if self.facts.unsure and stated_verdicts(sentence) else against

    def _say(self, sentence: str) -> None:
        if self.kept and not sentence[0].isspace():
            sentence = f" {sentence}"
        self.kept += sentence
        if self.on_text is not None:
            self.on_text(sentence)
