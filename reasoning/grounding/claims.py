"""What an answer claims of an anomaly, in fixed words around what was measured, and which of it a sentence speaks of.

A small language model chooses well what to speak of, and badly what to say of it: it calls an unclear kind "a unclear
mark" and everything brighter than what is around it. So it has words of its own for the verdict, the place and what to
do next, which rules on words check well, and for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from looktwice.core.wording.extent import SEVERITIES
from looktwice.core.wording.kinds import UNCLEAR, kinds_in, phrase
from looktwice.core.wording.place import places_in
from looktwice.reasoning.grounding.facts import Facts

VERDICT, WHERE, WHAT, LOOKS, EXTENT = "verdict", "where", "what", "looks", "extent"
SEVERITY, SCORE, NEXT = "severity", "score", "next"

TOPICS = (VERDICT, WHERE, WHAT, EXTENT, LOOKS, SEVERITY, SCORE, NEXT)
"""In the order in which an answer speaks of them."""

ASK_A_PERSON = "A person should look before anything is decided."

FREE = frozenset({VERDICT, WHERE, NEXT})
"""Topics that a model may put in its own words."""

_SPOKEN_OF = {
    VERDICT: re.compile(
        r"^\W*(?:yes|no)\b(?! single)|\b(?:is there|are there|do you see|is it (?:normal|anomalous))\b"
    ),
    WHERE: re.compile(r"\b(?:where|nowhere|place to name|stands? out|spread|which (?:part|place|view|slice))\b"),
    WHAT: re.compile(r"\b(?:kinds?|types?|sorts?|most likely|by its looks|known as|caused?|causes)\b|\bwhat is it\b"),
    LOOKS: re.compile(
        r"\b(?:marks?|looks? like|brighter|darker|rougher|smoother|than what is around|elongated|round|compact|"
        r"irregular|grooves?|depth|deep)\b"
    ),
    EXTENT: re.compile(
        r"\b(?:tiny|small|medium-sized|large|big|covers?|extent|size|area of|to measure|measured)\b"
        r"|\d ?(?:%|percent|ml|mm|px)"
    ),
    SEVERITY: re.compile(
        r"\b(?:slight|mild|minor|moderate|severe|severity|serious|critical|how bad|how much it|(?:to|be) judged?)\b"
    ),
    SCORE: re.compile(r"\b(?:score|threshold)\b"),
    NEXT: re.compile(
        r"\b(?:nothing further|keep to the usual|follow up|(?:person|radiologist) (?:should|looks|decides)|compare it|"
        r"recommend|should be checked|check next|what (?:now|next)|should (?:i|we) do|look (?:at it )?again|"
        r"scan the place|check (?:it|the place|under|again))\b"
    ),
}


def topics_of(text: str, views: Iterable[str] = ()) -> set[str]:
    """Return the topics that a sentence or a question speaks of.

    Parameters
    ----------
    text : str
    views : iterable of str
        Names of views, whose words say where a camera stood or a slice lies, not where on the picture.
    """
    lowered = text.lower()
    for view in views:
        lowered = lowered.replace(view.lower(), "the view")
    topics = {topic for topic, words in _SPOKEN_OF.items() if words.search(lowered)}
    if places_in(lowered):
        topics.add(WHERE)
    if kinds_in(lowered):
        topics.add(WHAT)
    if SEVERITY in topics:  # there is nothing but the extent to go by
        topics.add(EXTENT)
    return topics


def topics_to_explain(facts: Facts) -> tuple[str, ...]:
    """Return what an explanation speaks of in any case."""
    if facts.unsure:
        return VERDICT, WHERE, NEXT
    return (VERDICT, WHERE, WHAT, LOOKS, EXTENT, SCORE) if facts.verdict == "anomalous" else (VERDICT, SCORE)


def claims_of(facts: Facts) -> dict[str, str]:
    """Return the sentence for each topic of which something can be said, in the order of ``TOPICS``."""
    claims = _undecided(facts) if facts.unsure else _found(facts) if facts.verdict == "anomalous" else _nothing()
    claims[SCORE] = f"The score of {facts.score:.2f} lies {_side(facts)} the threshold of {facts.threshold:.2f}."
    return {topic: claims[topic] for topic in TOPICS if topic in claims}


def unsure_opening(facts: Facts) -> str:
    """Return the sentence that an answer begins with where the evidence hardly decides: where it leans, and why."""
    score, threshold = facts.score, facts.threshold
    measured = f"the score of {score:.2f} lies {_side(facts)} the threshold of {threshold:.2f}"
    if facts.verdict == "unsure":
        return f"I am not sure: {measured}, which is not known to fit this kind of input."
    lean = "yes" if facts.verdict == "anomalous" else "no"
    return f"Probably {lean}, but I am not sure: {measured}."


def _side(facts: Facts) -> str:
    if facts.unsure and facts.verdict != "unsure":
        return "close to"
    return "above" if facts.score >= facts.threshold else "below"


def _found(facts: Facts) -> dict[str, str]:
    whole = facts.view or "the picture"
    claims = {
        VERDICT: f"Yes, there is an anomaly, but no single place of {whole} stands out.",
        WHERE: f"No single place of {whole} stands out.",
        WHAT: "What kind it is cannot be told by its looks.",
        EXTENT: "How large it is was not measured: no region reaches the threshold.",
        SEVERITY: "How much it matters, a person has to judge.",
        NEXT: ASK_A_PERSON,
    }
    if facts.where is not None:
        claims[VERDICT] = f"Yes, there is an anomaly {_lying(facts)}."
        claims[WHERE] = f"It lies {_lying(facts)}."
    if facts.what not in (None, UNCLEAR):
        claims[WHAT] = f"By its looks it is most likely {phrase(str(facts.what))}."
    if facts.contrast is not None:
        claims[LOOKS] = f"It is {facts.contrast} than what is around it."
    if facts.size is not None and facts.extent is not None:
        subject = "The strongest region" if facts.where is None else "It"
        claims[EXTENT] = f"{subject} covers {facts.size}, which is {facts.extent}."
        claims[SEVERITY] = f"By its extent it is {SEVERITIES[facts.extent]}; {claims[SEVERITY].lower()}"
    return claims


def _undecided(facts: Facts) -> dict[str, str]:
    where = "No place stands out clearly."
    if facts.verdict == "anomalous" and facts.where is not None:
        where = f"If there is an anomaly, it lies {_lying(facts)}."
    untold = "What kind it would be, how large and how severe, cannot be told."
    return {
        VERDICT: unsure_opening(facts),
        WHERE: where,
        WHAT: untold,
        EXTENT: untold,
        SEVERITY: untold,
        NEXT: ASK_A_PERSON,
    }


def _lying(facts: Facts) -> str:
    part = "center" if facts.where == "center" else f"{facts.where} part"
    return f"in the {part} of {facts.view or 'the picture'}"


def _nothing() -> dict[str, str]:
    unnamed = "There is no place and no kind to name: this looks normal."
    unmeasured = "There is nothing to measure or to judge: this looks normal."
    return {
        VERDICT: "No, there is no visible anomaly.",
        WHERE: unnamed,
        WHAT: unnamed,
        EXTENT: unmeasured,
        SEVERITY: unmeasured,
        NEXT: "Nothing further; keep to the usual checks.",
    }
