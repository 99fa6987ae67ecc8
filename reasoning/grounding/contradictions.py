"""Holding a text against the evidence: verdict, place, view, size, extent, score and kind may not be contradicted.

Rules on words, not a model: they find what an answer about anomalies usually says, and take anything else as no claim.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from looktwice.core.answer import Answer
from looktwice.core.wording.extent import SEVERITIES
from looktwice.core.wording.kinds import kinds_in
from looktwice.core.wording.place import agree, places_in
from looktwice.reasoning.grounding.facts import Facts

_ANOMALY = (
    r"(?:anomal(?:y|ies)|defects?|abnormalit(?:y|ies)|lesions?|damages?|flaws?|irregularit(?:y|ies)|faults?|"
    r"cracks?|scratch(?:es)?|tumou?rs?|patholog(?:y|ies)|findings?)"
)
_ANOMALOUS = r"(?:anomalous|abnormal|defective|damaged|faulty|suspicious|pathological)"
_UP_TO_SIX_WORDS = r"(?:[\w'-]+,? ){0,6}?"
_IS = r"(?:is|are|was|were|looks?|appears?|seems?)(?: to be)?"

_NORMAL_CLAIM = re.compile(
    rf"^\W*no\b(?! single)"
    rf"|\b(?:no|without(?: any)?|free (?:of|from)(?: any)?|absence of(?: any)?) {_UP_TO_SIX_WORDS}{_ANOMALY}\b"
    rf"|\b(?:does|do|did)(?: not|n't) (?:show|have|contain|reveal|exhibit) {_UP_TO_SIX_WORDS}{_ANOMALY}\b"
    rf"|\b{_IS}(?: not|n't) (?:\w+ ){{0,2}}?{_ANOMALOUS}\b|\bnothing (?:\w+ )?{_ANOMALOUS}\b|\bdefect-free\b"
    rf"|\b(?:{_IS}|as|shows?) (?:\w+ )?(?:normal|intact|healthy|unremarkable|undamaged)\b|\bin good condition\b"
    r"|\bnothing further\b|\bkeep to the usual\b|\bnothing .*\bto follow up\b|\bnothing stands out\b(?! clearly)"
)
_ANOMALOUS_CLAIM = re.compile(
    rf"^\W*yes\b|\bthere (?:is|are|was|were) {_UP_TO_SIX_WORDS}{_ANOMALY}\b"
    rf"|\b{_IS} (?:\w+ ){{0,2}}?{_ANOMALOUS}\b"
    rf"|\b(?:shows?|has|have|contains?|reveals?|exhibits?|found|find|detected|see) {_UP_TO_SIX_WORDS}{_ANOMALY}\b"
    r"|\bit (?:lies|is most likely)\b"
    rf"|\b{_ANOMALY} (?:is|are|was|were|lies|lie|sits?|covers?|occup(?:y|ies))\b"
)
# Sentences that claim nothing of the thing as a whole: the rest of it, and what would be.
_ASIDE = re.compile(
    r"\b(?:if|whether|in case|unless|elsewhere|otherwise|surrounding|the rest|the remaining|other (?:parts|areas))\b"
)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_SLICE = re.compile(r"\bslice (\d+)\b")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?) ?(%|percent|ml|mm³)")
_TOLERANCE = 0.1
_EXTENT = re.compile(r"\b(?:is|a|an|it) (very large|large|medium-sized|small|tiny)\b")
_SEVERITY = re.compile(r"\b(?:is|it|makes) (slight|moderate|severe)\b")
_UNMEASURED = re.compile(r"\bextent of\b")
_LIKENESS = re.compile(r"\bknown as\b|\bmost likely (?:an? )?unclear\b|\blooks like (?!an? (?:[\w-]+,? ){0,3}mark\b)")
_NO_PLACE = re.compile(r"\bno (?:single )?place\b")
_SCORE = re.compile(r"\bscore of (\d+(?:\.\d+)?)")


def contradictions(text: str, facts: Facts) -> list[str]:
    """Return the fields that a text contradicts, of ``verdict, where, view, size, score, extent`` and ``what``.

    The last two are held against a text whose writer has stated a kind; in others "small" is anyone's opinion. A
    verdict is not contradicted by either word where the facts are unsure; a place is, where the text names places and
    none of them is the measured one (a coarser word for it is fine), or the evidence points at none.
    """
    lowered = text.lower()
    against = []
    stated = stated_verdicts(lowered)
    if not facts.unsure and stated - {facts.verdict}:
        against.append("verdict")
    unnamed = lowered
    for view in facts.views:  # "view 3 from the upper left" says where the camera stood
        unnamed = unnamed.replace(view.lower(), "the view")
    places = places_in(unnamed)
    if facts.verdict == "anomalous" and places and not any(agree(place, facts.where or "") for place in places):
        against.append("where")
    if facts.where is not None and _NO_PLACE.search(lowered):
        against.append("where")
    slices = set(_SLICE.findall(lowered))
    if slices and facts.views and not slices & set(_SLICE.findall(" ".join(facts.views).lower())):
        against.append("view")
    if facts.size is not None and any(not _near(quantity, facts.size) for quantity in _QUANTITY.findall(lowered)):
        against.append("size")
    if any(abs(float(score) - facts.score) > 0.0051 for score in _SCORE.findall(lowered)):
        against.append("score")
    if facts.size is None and _UNMEASURED.search(lowered):
        against.append("size")
    severity = None if facts.extent is None else SEVERITIES[facts.extent]
    if facts.what is not None and (
        set(_EXTENT.findall(lowered)) - {facts.extent} or set(_SEVERITY.findall(lowered)) - {severity}
    ):
        against.append("extent")
    if facts.what is not None and (kinds_in(lowered) - {facts.what} or _LIKENESS.search(lowered)):
        against.append("what")
    return against


def state(
    text: str,
    kind: str,
    facts: Facts,
    shown: Sequence[str] = (),
    cut: str | None = None,
    more: dict[str, Any] | None = None,
    author: str = "",
) -> Answer:
    """Make an answer of a generated text: the fields are the evidence's, and say where the text is at odds with them.

    Parameters
    ----------
    text : str
        An empty one is said to be none.
    kind : str
        Name of the reasoner.
    facts : Facts
    shown : sequence of str
        Names of the views that the model was shown.
    cut : {"loop", "length"}, optional
        Why the text ends early.
    more : dict, optional
        Further fields.
    author : str
        The sentence that says who wrote it.
    """
    against = contradictions(text, facts)
    fields: dict[str, Any] = {**facts.to_fields(), "grounded": bool(text) and not against}
    optional = {"contradicts": against, "shown": list(shown), "cut": cut}
    fields |= {name: value for name, value in optional.items() if value}
    return Answer(text or "The model gave no answer.", kind, {**fields, **(more or {})}, author)


def stated_verdicts(text: str) -> set[str]:
    """Return the verdicts that a text states of the thing as a whole: "anomalous", "normal", both or neither."""
    verdicts = set()
    for sentence in _SENTENCE_END.split(text.lower()):
        if _ASIDE.search(sentence):
            continue
        remainder, denied = _NORMAL_CLAIM.subn(" ", sentence)
        if denied:
            verdicts.add("normal")
        if _ANOMALOUS_CLAIM.search(remainder):
            verdicts.add("anomalous")
    return verdicts


def _near(stated: tuple[str, str], size: str) -> bool:
    """Tell whether a stated quantity is the measured one; a quantity of another unit is no claim about it."""
    value, unit = stated
    measured = [(number, of) for number, of in _QUANTITY.findall(size) if of == unit.replace("percent", "%")]
    return all(abs(float(value) - float(number)) <= _TOLERANCE * float(number) for number, _ in measured)
