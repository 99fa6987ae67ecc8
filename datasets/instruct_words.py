"""The questions and answers of instruction records: varied words around what was measured."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from looktwice.reasoning.appearance import Appearance
from looktwice.reasoning.quantities import percent


class Domain(str, Enum):
    """What is inspected; it decides which words are used."""

    INDUSTRIAL = "industrial"
    MEDICAL = "medical"
    SHAPE = "shape"


@dataclass(frozen=True)
class Finding:
    """What the answers of one record state.

    Attributes
    ----------
    thing : str
        What is shown ("magnetic tile").
    domain : Domain
    anomalous : bool
    kind : str or None
        Name of the kind of anomaly, where the benchmark has one.
    appearance : Appearance or None
        Measured on the mask; None for a normal picture, and where there is no mask.
    """

    thing: str
    domain: Domain
    anomalous: bool
    kind: str | None = None
    appearance: Appearance | None = None


_NOUNS = {
    Domain.INDUSTRIAL: (("defect", "defects"), ("anomaly", "anomalies"), ("flaw", "flaws")),
    Domain.MEDICAL: (("abnormality", "abnormalities"), ("lesion", "lesions"), ("anomaly", "anomalies")),
    Domain.SHAPE: (("irregularity", "irregularities"), ("anomaly", "anomalies"), ("defect", "defects")),
}
_QUESTIONS = {
    "detect": (
        "Is there any {noun} in the picture?",
        "Does the picture show {a_noun}?",
        "Is anything wrong with this {thing}?",
        "Can you see {a_noun} on this {thing}? Answer yes or no and say why.",
        "Are there any {nouns} in this image?",
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
    "size": ("How large is it?", "What is the extent of the {noun}?", "How much of the picture does it cover?"),
    "severity": ("How severe is it?", "Is it serious?", "How bad is the {noun}?"),
    "next": ("What should be checked next?", "What do you recommend?", "What should I do now?"),
}
_YES = (
    "Yes, there is {a_noun} in the {place} of the picture.",
    "Yes, this {thing} is anomalous: there is {a_noun} in the {place} part of the picture.",
    "Yes, the picture shows {a_noun} in the {place} area.",
    "Yes, {a_noun} is visible at the {place} of the picture.",
)
_YES_SOMEWHERE = ("Yes, this {thing} is anomalous.", "Yes, the picture shows {a_noun}.", "Yes, there is {a_noun}.")
_NO = (
    "No, there is no {noun} in the picture.",
    "No, this {thing} looks normal.",
    "No, the {thing} appears intact; there is no sign of {a_noun}.",
    "No, there is no visible {noun} on this {thing}.",
)
_WHERE = (
    "It lies in the {place} of the picture.",
    "In the {place} of the picture.",
    "The {noun} is in the {place} part of the picture.",
)
_SIZE = ("It is {size}: it covers {percent} of the picture.", "It covers {percent} of the picture, which is {size}.")
_SEVERITY = (
    "It is {severity}, by its extent of {percent} of the picture; a person has to judge what it means.",
    "Its extent of {percent} of the picture makes it {severity}; how much it matters depends on the {thing}'s use.",
)
_KIND = ('It is of the kind "{kind}".', "The kind of {noun} is {kind}.")
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
}
_NEXT_NORMAL = {
    Domain.INDUSTRIAL: "Nothing further; keep to the usual inspection.",
    Domain.MEDICAL: "There is nothing in this picture to follow up; a radiologist decides.",
    Domain.SHAPE: "Nothing further; keep to the usual inspection.",
}
_FOLLOW_UPS = ("where", "what", "size", "severity", "next")


def converse(finding: Finding, rng: random.Random, most_turns: int = 4) -> list[tuple[str, str]]:
    """Write one conversation of one to `most_turns` questions with their answers.

    The first answer says yes or no. What was not measured is not asked for.
    """
    fills = _fills(finding, rng)
    first = rng.choice(("detect", "explain"))
    asked = [first]
    if not finding.anomalous:
        follow = ["next"]
    elif finding.appearance is None:
        follow = ["next", *(["what"] if finding.kind else [])]
    else:
        follow = list(_FOLLOW_UPS)
    rng.shuffle(follow)
    asked += follow[: rng.randint(0, most_turns - 1)]
    return [(rng.choice(_QUESTIONS[topic]).format(**fills), _answer(topic, finding, fills, rng)) for topic in asked]


def describe(appearance: Appearance) -> str:
    """Return how a part looks, to read after "a": "small, round mark that is darker than what is around it"."""
    contrast = f" that is {appearance.contrast} than what is around it" if appearance.contrast else ""
    return f"{appearance.size}, {appearance.shape} mark{contrast}"


def _fills(finding: Finding, rng: random.Random) -> dict[str, str]:
    noun, nouns = rng.choice(_NOUNS[finding.domain])
    article = "an" if noun[0] in "aeiou" else "a"
    fills = {"noun": noun, "nouns": nouns, "a_noun": f"{article} {noun}", "thing": finding.thing}
    fills["kind"] = finding.kind or ""
    if finding.appearance is not None:
        appearance = finding.appearance
        fills |= {
            "place": appearance.place,
            "percent": percent(appearance.share),
            "size": appearance.size,
            "severity": appearance.severity,
        }
    return fills


def _answer(topic: str, finding: Finding, fills: dict[str, str], rng: random.Random) -> str:
    if topic == "next":
        return _next(finding)
    if not finding.anomalous:
        return rng.choice(_NO).format(**fills)
    writers: dict[str, Callable[[], list[str]]] = {
        "detect": lambda: [_detected(finding, rng)],
        "explain": lambda: [_detected(finding, rng), *_looks(finding, rng), *_extent(finding, rng), _next(finding)],
        "where": lambda: [rng.choice(_WHERE)],
        "what": lambda: _looks(finding, rng),
        "size": lambda: [rng.choice(_SIZE)],
        "severity": lambda: [rng.choice(_SEVERITY)],
    }
    return " ".join(sentence.format(**fills) for sentence in writers[topic]())


def _detected(finding: Finding, rng: random.Random) -> str:
    return rng.choice(_YES if finding.appearance is not None else _YES_SOMEWHERE)


def _looks(finding: Finding, rng: random.Random) -> list[str]:
    sentences = [rng.choice(_KIND)] if finding.kind else []
    if finding.appearance is not None:
        opening = rng.choice(("It is a", "It looks like a", "One sees a"))
        sentences.append(f"{opening} {describe(finding.appearance)}.")
    return sentences


def _extent(finding: Finding, rng: random.Random) -> list[str]:
    return [rng.choice(_SIZE)] if finding.appearance is not None and rng.random() < 0.7 else []


def _next(finding: Finding) -> str:
    if not finding.anomalous:
        return _NEXT_NORMAL[finding.domain]
    advice = _NEXT[finding.domain]
    shape = finding.appearance.shape if finding.appearance is not None else ""
    return advice.get(shape, advice[""])
