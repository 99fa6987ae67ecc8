"""The questions and answers of instruction records: varied words around what was measured."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from looktwice.core.wording.appearance import Appearance
from looktwice.core.wording.kinds import UNCLEAR, phrase
from looktwice.core.wording.quantities import percent


class Domain(str, Enum):
    """What is inspected; it decides which words are used."""

    INDUSTRIAL = "industrial"
    MEDICAL = "medical"
    SHAPE = "shape"
    ANY = "any"
    """A picture of which is not known what it shows; the words fit them all."""


@dataclass(frozen=True)
class Finding:
    """What the answers of one record state.

    Attributes
    ----------
    thing : str
        What is shown ("magnetic tile"); questions name it, answers do not: it cannot be read off the evidence.
    domain : Domain
    anomalous : bool
    kind : str or None
        Name of the kind of anomaly, where the benchmark has one; ``kinds.UNCLEAR`` says that it cannot be told.
    appearance : Appearance or None
        Measured on the mask; None for a normal picture, and where there is no mask.
    view : str or None
        Name of the view that shows it, of a volume or a cloud.
    size : str or None
        As it was measured, with its unit; by default the share of the picture.
    sized : bool
        Whether a size was measured; none is where no single region stands out.
    placed : bool
        Whether a place stands out.
    looks : bool
        Whether shape and contrast are told; not where what is shown is not what was measured.
    opening : str
        What the first answer begins with: where the evidence is unsure, it says so and no verdict follows.
    score, threshold : float or None
        Told of a normal one, where they were measured.

    Examples
    --------
    >>> finding = Finding("magnetic tile", Domain.INDUSTRIAL, anomalous=False)
    >>> explain(finding, random.Random(0))
    'No, there is no visible anomaly. Nothing further; keep to the usual inspection.'
    """

    thing: str
    domain: Domain
    anomalous: bool
    kind: str | None = None
    appearance: Appearance | None = None
    view: str | None = None
    size: str | None = None
    sized: bool = True
    placed: bool = True
    looks: bool = True
    opening: str = ""
    score: float | None = None
    threshold: float | None = None


_NOUNS = {
    Domain.INDUSTRIAL: (("defect", "defects"), ("anomaly", "anomalies"), ("flaw", "flaws")),
    Domain.MEDICAL: (("abnormality", "abnormalities"), ("lesion", "lesions"), ("anomaly", "anomalies")),
    Domain.SHAPE: (("irregularity", "irregularities"), ("anomaly", "anomalies"), ("defect", "defects")),
    Domain.ANY: (("anomaly", "anomalies"), ("defect", "defects"), ("abnormality", "abnormalities")),
}
_QUESTIONS = {
    "detect": (
        "Is there any {noun} in the picture?",
        "Does the picture show {a_noun}?",
        "Is anything wrong with this {thing}?",
        "Can you see {a_noun} on this {thing}? Answer yes or no and say why.",
        "Are there any {nouns} in this image?",
        "Are there any defects for the object in the image? Please reply with 'Yes' or 'No'.",
    ),
    "explain": (
        "Is there any anomaly here? Say whether there is one, where it lies, what it looks like, "
        "what may have caused it, and what to check next.",
        "Inspect this {thing} and explain what you find.",
        "Describe any {noun} that you see, and where it is.",
        "Is there anything unusual in this picture? Describe it.",
    ),
    "where": ("Where is it?", "In which part of the picture does the {noun} lie?", "Where should I look?"),
    "what": ("What kind of {noun} is it?", "What does it look like?", "Describe the {noun}.", "What is it?"),
    "size": ("How large is it?", "What is the extent of the {noun}?", "How much of it is affected?"),
    "severity": ("How severe is it?", "Is it serious?", "How bad is the {noun}?"),
    "next": ("What should be checked next?", "What do you recommend?", "What should I do now?"),
}
_YES = (
    "Yes, there is {a_noun} in the {place} of {whole}.",
    "Yes, {a_noun} lies in the {place} part of {whole}.",
    "Yes, there is {a_noun} in the {place} area of {whole}.",
    "Yes, {a_noun} is visible at the {place} of {whole}.",
)
_YES_SOMEWHERE = ("Yes, this is anomalous.", "Yes, the picture shows {a_noun}.", "Yes, there is {a_noun}.")
_YES_SPREAD = (
    "Yes, there is {a_noun}, but no single place of {whole} stands out.",
    "Yes, this is anomalous; it is spread over {whole}.",
)
_NO = (
    "No, there is no {noun} in the picture.",
    "No, this looks normal.",
    "No, it appears intact; there is no sign of {a_noun}.",
    "No, there is no visible {noun}.",
)
_SCORE = "The score of {score:.2f} lies below the threshold of {threshold:.2f}."
_UNSURE = ("If there is {a_noun}, it lies in the {place} of {whole}.", "Look again at the {place} of {whole}.")
_UNSURE_NORMAL = ("No place stands out clearly.", "Nothing stands out clearly enough to say more.")
_WHERE = (
    "It lies in the {place} of {whole}.",
    "In the {place} of {whole}.",
    "The {noun} is in the {place} part of {whole}.",
)
_WHERE_SPREAD = ("No single place of {whole} stands out.", "It is spread over {whole}; no single place stands out.")
_SIZE = ("It is {extent}: it covers {size}.", "It covers {size}, which is {extent}.")
_SEVERITY = (
    "It is {severity}, by its extent of {size}; a person has to judge what it means.",
    "Its extent of {size} makes it {severity}; how much it matters, a person has to judge.",
)
_KIND = ("By its looks it is most likely {kind}.", "It is most likely {kind}.")
_KIND_UNCLEAR = "What kind it is cannot be told from the picture."
_NEXT = {
    Domain.INDUSTRIAL: {
        "elongated": "Check under magnification how far it runs, and whether it goes below the surface.",
        "round": "Measure its depth, and look for more of the kind on parts of the same batch.",
        "": "Clean the place and look again, then compare it with a part known to be good under the same light.",
    },
    Domain.MEDICAL: {
        "": "A radiologist should look at the place, compare it with earlier images, and decide on further imaging.",
    },
    Domain.SHAPE: {
        "elongated": "Scan the place again from two sides, and measure how deep the groove is.",
        "": "Scan the place again at a higher resolution, and compare it with the nominal shape.",
    },
    Domain.ANY: {
        "": "Look at it again at a higher magnification, and compare it with one that is known to be normal.",
    },
}
_NEXT_NORMAL = {
    Domain.INDUSTRIAL: "Nothing further; keep to the usual inspection.",
    Domain.MEDICAL: "There is nothing in this picture to follow up; a radiologist decides.",
    Domain.SHAPE: "Nothing further; keep to the usual inspection.",
    Domain.ANY: "Nothing further; keep to the usual checks.",
}
_NEXT_UNSURE = "A person should look before anything is decided."
# What is answered of a normal one, and of one whose evidence is unsure, to questions that take an anomaly for granted.
_NOTHING = {
    "where": ("Nowhere: nothing stands out.", "There is no place to name: this looks normal."),
    "what": ("There is no kind to name: this looks normal.", "Of no kind: nothing stands out."),
    "size": ("There is nothing to measure: this looks normal.", "Nothing stands out that could be measured."),
    "severity": ("There is nothing to judge: this looks normal.", "Nothing stands out whose severity could be judged."),
}
_UNDECIDED = {
    "what": ("What kind it would be cannot be told.",),
    "size": ("How large it would be cannot be told.",),
    "severity": ("How much it would matter cannot be told.",),
}
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_JOINED_SHARE = 0.3
"""How often two questions are put in one."""
_FOLLOW_UPS = ("where", "what", "size", "severity", "next")


def converse(finding: Finding, rng: random.Random, most_turns: int = 4) -> list[tuple[str, str]]:
    """Write one conversation of one to `most_turns` questions with their answers.

    The first answer says yes or no, or that it is not sure. Two questions are at times put in one. What was not
    measured is not asked for, but of a normal one anything is: the answer is then that there is nothing to name.
    """
    fills = _fills(finding, rng)
    first = rng.choice(("detect", "explain"))
    follow = _follow_ups(finding)
    rng.shuffle(follow)
    turns = [[first], *([topic] for topic in follow[: rng.randint(0, most_turns - 1)])]
    if len(turns) > 1 and len(follow) > len(turns) - 1 and rng.random() < _JOINED_SHARE:
        turns[-1].append(follow[len(turns) - 1])
    return [
        (
            _joined([rng.choice(_QUESTIONS[topic]).format(**fills) for topic in topics]),
            _once(" ".join(_answer(topic, finding, fills, rng, later=number > 0) for topic in topics)),
        )
        for number, topics in enumerate(turns)
    ]


def explain(finding: Finding, rng: random.Random) -> str:
    """Write the explanation alone: whether there is an anomaly, where, of which kind, how large, what to do next."""
    return _once(_answer("explain", finding, _fills(finding, rng), rng))


def _follow_ups(finding: Finding) -> list[str]:
    """Return what may be asked after the first answer."""
    if finding.opening or not finding.anomalous:
        return list(_FOLLOW_UPS)
    if finding.appearance is None:
        return ["next", *(["what"] if finding.kind else [])]
    return list(_FOLLOW_UPS) if finding.sized else ["where", "what", "next"]


def _joined(questions: list[str]) -> str:
    """Put questions in one: "Where is it, and how large is it?"."""
    first, *rest = questions
    for question in rest:
        first = (
            f"{first[:-1]}, and {question[0].lower()}{question[1:]}" if first.endswith("?") else f"{first} {question}"
        )
    return first


def describe(appearance: Appearance) -> str:
    """Return how a part looks, to read after "a": "small, round mark that is darker than what is around it"."""
    contrast = f" that is {appearance.contrast} than what is around it" if appearance.contrast else ""
    return f"{appearance.size}, {appearance.shape} mark{contrast}"


def _once(text: str) -> str:
    """Say no sentence twice: the last time counts."""
    return " ".join(reversed(dict.fromkeys(reversed(_SENTENCE_END.split(text)))))


def _fills(finding: Finding, rng: random.Random) -> dict[str, str]:
    noun, nouns = rng.choice(_NOUNS[finding.domain])
    article = "an" if noun[0] in "aeiou" else "a"
    fills = {"noun": noun, "nouns": nouns, "a_noun": f"{article} {noun}", "thing": finding.thing}
    fills |= {"kind": phrase(finding.kind or ""), "whole": finding.view or "the picture"}
    if finding.appearance is not None:
        appearance = finding.appearance
        fills |= {
            "place": appearance.place,
            "size": finding.size or f"{percent(appearance.share)} of the picture",
            "extent": appearance.size,
            "severity": appearance.severity,
        }
    return fills


def _answer(topic: str, finding: Finding, fills: dict[str, str], rng: random.Random, later: bool = False) -> str:
    """Answer one question; a `later` one is not opened by a verdict again."""
    if topic == "next":
        return _next(finding)
    if finding.opening:
        said = rng.choice(_UNDECIDED.get(topic, _unsure(finding))).format(**fills)
        return f"{said} {_NEXT_UNSURE}" if later else f"{finding.opening} {said} {_NEXT_UNSURE}"
    if topic in _NOTHING and not finding.anomalous:
        return rng.choice(_NOTHING[topic])
    if not finding.anomalous:
        return " ".join([rng.choice(_NO).format(**fills), *(_closing(finding) if topic == "explain" else [])])
    writers: dict[str, Callable[[], list[str]]] = {
        "detect": lambda: [_detected(finding, rng)],
        "explain": lambda: [_detected(finding, rng), *_looks(finding, rng), *_extent(finding, rng), _next(finding)],
        "where": lambda: [rng.choice(_WHERE if finding.placed else _WHERE_SPREAD)],
        "what": lambda: _looks(finding, rng) or [_KIND_UNCLEAR],
        "size": lambda: [rng.choice(_SIZE)],
        "severity": lambda: [rng.choice(_SEVERITY)],
    }
    return " ".join(sentence.format(**fills) for sentence in writers[topic]())


def _detected(finding: Finding, rng: random.Random) -> str:
    if finding.appearance is None:
        return rng.choice(_YES_SOMEWHERE)
    return rng.choice(_YES if finding.placed else _YES_SPREAD)


def _closing(finding: Finding) -> list[str]:
    """Return how the explanation of a normal one ends."""
    score = [] if finding.score is None else [_SCORE.format(score=finding.score, threshold=finding.threshold)]
    return [*score, _next(finding)]


def _unsure(finding: Finding) -> tuple[str, ...]:
    named = finding.anomalous and finding.placed and finding.appearance is not None
    return _UNSURE if named else _UNSURE_NORMAL


def _looks(finding: Finding, rng: random.Random) -> list[str]:
    sentences = []
    if finding.kind:
        sentences.append(_KIND_UNCLEAR if finding.kind == UNCLEAR else rng.choice(_KIND))
    if finding.appearance is not None and finding.looks and finding.sized:
        opening = rng.choice(("It is a", "It looks like a", "One sees a"))
        sentences.append(f"{opening} {describe(finding.appearance)}.")
    return sentences


def _extent(finding: Finding, rng: random.Random) -> list[str]:
    return [rng.choice(_SIZE)] if finding.appearance is not None and finding.sized and rng.random() < 0.7 else []


def _next(finding: Finding) -> str:
    if finding.opening:
        return _NEXT_UNSURE
    if not finding.anomalous:
        return _NEXT_NORMAL[finding.domain]
    advice = _NEXT[finding.domain]
    shape = finding.appearance.shape if finding.appearance is not None and finding.looks else ""
    return advice.get(shape, advice[""])
