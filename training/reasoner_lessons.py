"""Training examples of the reasoner: scenes that are encoded once and cached, each with many different conversations.

The model is told evidence as ``inspect`` measures it. The evidence is sampled anew each time: it is mostly right, and
sometimes wrong or uncertain. The answers follow the evidence, so the model learns to follow it, too. Only the kind of
anomaly and its appearance must be recognised from the image.
"""

# kinds: teaches words for every kind that ships

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.atomic import atomic_path
from looktwice.core.result import suspicion_word
from looktwice.core.study import Modality, Region
from looktwice.core.wording.appearance import Appearance, measure
from looktwice.core.wording.extent import SEVERITIES, extent_of_share, extent_of_volume
from looktwice.core.wording.kinds import UNCLEAR
from looktwice.core.wording.place import place_of
from looktwice.core.wording.quantities import percent, size
from looktwice.datasets.instruct_words import Domain, Finding, converse
from looktwice.evidence.expert import Expert
from looktwice.reasoning.base import Turn
from looktwice.reasoning.embedded.closeup import cut_close_up
from looktwice.reasoning.embedded.fields import NONE, QUESTION, line_of, settled
from looktwice.reasoning.embedded.model import ShownView
from looktwice.reasoning.embedded.reasoner import CLOSE_UP
from looktwice.reasoning.grounding.claims import unsure_opening
from looktwice.reasoning.grounding.facts import UNSURE_MARGIN, Facts
from looktwice.training.reasoner_scenes import Scene

WRONG_SHARE, UNSURE_SHARE, SPREAD_SHARE, UNSIZED_SHARE = 0.12, 0.08, 0.25, 0.25
"""How often evidence says the contrary of the truth, lies close to the threshold, has no place, and has no region."""

MARGIN = 1.5
"""A close-up is about this many times as wide as what it shows."""

MOST_TURNS = 2


@dataclass(frozen=True)
class Lesson:
    """One encoded scene.

    Attributes
    ----------
    final : Tensor, float16, shape (V, g², C)
        Tokens of each picture, pooled; the last one is the close-up.
    selected : Tensor, float16, shape (V - 1, k, C)
        What the expert selected of each picture.
    global_token : Tensor, float16, shape (1, C)
    names : list of str
        Of the views; empty for a photograph.
    appearance : Appearance
        As measured; of a normal scene, and of one whose anomaly fills the picture, only the place counts.
    kind : str or None
        None for a normal scene.
    looks : bool
        Whether shape and contrast were measured.
    domain : Domain
    modality : Modality
    thing : str

    Examples
    --------
    >>> final, selected = torch.zeros(2, 16, 8), torch.zeros(1, 4, 8)
    >>> looks = Appearance("top left", 0.02, "medium-sized", "moderate", "elongated", "brighter", 1)
    >>> lesson = Lesson(
    ...     final, selected, final[0, :1], [], looks, "scratch", True, Domain.INDUSTRIAL, Modality.IMAGE, "tile"
    ... )
    >>> len({speak(lesson, random.Random(seed)).facts.score for seed in range(20)})  # the evidence is drawn anew
    20
    """

    final: Tensor
    selected: Tensor
    global_token: Tensor
    names: list[str]
    appearance: Appearance
    kind: str | None
    looks: bool
    domain: Domain
    modality: Modality
    thing: str


@dataclass(frozen=True)
class Spoken:
    """A lesson in words.

    Attributes
    ----------
    views : list of ShownView
    facts : Facts
    turns : list of Turn
        The first one states the fields.

    Examples
    --------
    >>> final, selected = torch.zeros(2, 16, 8), torch.zeros(1, 4, 8)
    >>> looks = Appearance("top left", 0.02, "medium-sized", "moderate", "elongated", "brighter", 1)
    >>> lesson = Lesson(
    ...     final, selected, final[0, :1], [], looks, "scratch", True, Domain.INDUSTRIAL, Modality.IMAGE, "tile"
    ... )
    >>> spoken = speak(lesson, random.Random(0))
    >>> spoken.turns[0].question, [view.label for view in spoken.views]
    ('State verdict, place, kind and extent.', ['', 'close-up'])
    """

    views: list[ShownView]
    facts: Facts
    turns: list[Turn]


@torch.inference_mode()
def encode_scene(scene: Scene, expert: Expert, grid: int, rng: np.random.Generator) -> Lesson:
    """Encode the pictures of a scene and the close-up of its anomaly, or of any place if it has none."""
    image = scene.pictures[0]
    height, width = image.shape[:2]
    everywhere = bool(scene.mask.all())
    looks = bool(scene.mask.any()) and not everywhere
    if looks:
        appearance = measure(scene.mask, image)
        rows, columns = np.nonzero(scene.mask)
        at = int(rng.integers(len(rows)))
        x, y = (columns[at] + columns.mean()) / 2, (rows[at] + rows.mean()) / 2
        side = MARGIN * max(np.ptp(rows), np.ptp(columns)) / min(height, width) * rng.uniform(0.7, 1.4)
    else:
        x, y, side = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height, rng.uniform(0.25, 0.6)
        share = float(10 ** rng.uniform(-3, -0.5))
        appearance = Appearance(place_of(x, y, width, height), share, "", "", "compact", None, 1)
    tokens = expert.encoder.encode([*scene.pictures, cut_close_up(image, float(x), float(y), float(side))])
    number = len(scene.pictures)
    evidence = expert.look_twice(tokens.final[:-1], [level[:-1] for level in tokens.levels], [number])
    rows_, columns_ = tokens.grid
    pooled = F.adaptive_avg_pool2d(tokens.final.transpose(1, 2).unflatten(2, (rows_, columns_)), grid)
    return Lesson(
        pooled.flatten(2).transpose(1, 2).half(),
        evidence.local_tokens.half(),
        evidence.global_token.half(),
        scene.names,
        appearance,
        scene.kind,
        looks,
        scene.domain,
        scene.modality,
        scene.thing,
    )


def speak(lesson: Lesson, rng: random.Random, most_turns: int = MOST_TURNS) -> Spoken:
    """Draw evidence about a lesson, and a conversation that follows it."""
    facts, finding = _evidence(lesson, rng)
    what = NONE if facts.verdict == "normal" else finding.kind or UNCLEAR
    values = {**settled(facts), "what": what}
    turns = [Turn(QUESTION, line_of([values[name] for name in ("verdict", "where", "what", "extent")]))]
    turns += [Turn(*said) for said in converse(finding, rng, most_turns)]
    return Spoken(_shown(lesson, rng), facts, turns)


def save_lessons(lessons: Sequence[Lesson], path: Path) -> None:
    """Write lessons as one safetensors file."""
    from safetensors.torch import save_file

    tensors, known = {}, []
    for number, lesson in enumerate(lessons):
        for name in ("final", "selected", "global_token"):
            tensors[f"{number}.{name}"] = getattr(lesson, name).contiguous()
        known.append(
            {
                "names": lesson.names,
                "appearance": asdict(lesson.appearance),
                "kind": lesson.kind,
                "looks": lesson.looks,
                "domain": lesson.domain.value,
                "modality": lesson.modality.value,
                "thing": lesson.thing,
            }
        )
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"lessons": json.dumps(known)})


def load_lessons(path: Path) -> list[Lesson]:
    """Read what ``save_lessons`` wrote."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        known = json.loads(file.metadata()["lessons"])
        return [
            Lesson(
                final=file.get_tensor(f"{number}.final"),
                selected=file.get_tensor(f"{number}.selected"),
                global_token=file.get_tensor(f"{number}.global_token"),
                names=one["names"],
                appearance=Appearance(**one["appearance"]),
                kind=one["kind"],
                looks=one["looks"],
                domain=Domain(one["domain"]),
                modality=Modality(one["modality"]),
                thing=one["thing"],
            )
            for number, one in enumerate(known)
        ]


def _shown(lesson: Lesson, rng: random.Random) -> list[ShownView]:
    """Return the views in the order of a study, other ones whole or by their selection only, the close-up last."""
    labels = lesson.names or [""]
    views = [
        ShownView(label, selected, final if number == 0 or rng.random() < 0.5 else None)
        for number, (label, selected, final) in enumerate(zip(labels, lesson.selected, lesson.final, strict=False))
    ]
    views = [views[0], *views[1 : 1 + rng.randint(0, len(views) - 1)]]
    rng.shuffle(views)
    return [*views, ShownView(CLOSE_UP, lesson.final[-1][:0], lesson.final[-1])]


def _evidence(lesson: Lesson, rng: random.Random) -> tuple[Facts, Finding]:
    anomalous = (lesson.kind is not None) != (rng.random() < WRONG_SHARE)
    unsure = rng.random() < UNSURE_SHARE
    threshold = rng.choice((0.5, 0.5, round(rng.uniform(0.3, 0.7), 2)))
    least, most = (0.0, 0.9 * UNSURE_MARGIN) if unsure else (UNSURE_MARGIN, 1.0 - threshold if anomalous else threshold)
    score = threshold + (1 if anomalous else -1) * rng.uniform(least + 0.001, max(most - 0.001, least + 0.002))
    text, extent = _drawn_size(lesson, rng)
    placed, sized = rng.random() >= SPREAD_SHARE, rng.random() >= UNSIZED_SHARE
    place, names = lesson.appearance.place, tuple(lesson.names[:1])
    facts = Facts(
        verdict="anomalous" if anomalous else "normal",
        unsure=unsure,
        score=score,
        threshold=threshold,
        suspicion=suspicion_word(score),
        where=place if anomalous and placed else None,
        view=names[0] if names and anomalous else None,
        views=names,
        size=text if anomalous and sized else None,
        regions=rng.choice((1, 1, 2, 3, 5, 12)) if anomalous and sized else 0,
        extent=extent if anomalous and sized else None,
    )
    seen = anomalous and lesson.kind is not None
    finding = Finding(
        lesson.thing,
        # What a photograph shows is not part of the evidence, nor can it be read off its tokens with any certainty.
        Domain.ANY if lesson.modality is Modality.IMAGE else lesson.domain,
        anomalous,
        kind=(lesson.kind if seen else UNCLEAR) if anomalous else None,
        appearance=replace(lesson.appearance, size=extent, severity=SEVERITIES[extent]) if anomalous else None,
        view=facts.view,
        size=text,
        sized=sized,
        placed=placed,
        looks=lesson.looks and seen,
        opening=unsure_opening(facts) if unsure else "",
        score=score,
        threshold=threshold,
    )
    return facts, finding


def _drawn_size(lesson: Lesson, rng: random.Random) -> tuple[str, str]:
    """Return a size with its unit, and its word."""
    if lesson.modality is Modality.VOLUME:
        cubic = 10 ** rng.uniform(1.5, 5.2)
        return size(Region(1.0, cubic, "volume_mm3", (), ())), extent_of_volume(cubic)
    if lesson.modality is Modality.POINTCLOUD:
        share = 10 ** rng.uniform(-3.3, -0.6)
        return f"{percent(share)} of the points", extent_of_share(share)
    share = lesson.appearance.share
    return f"{percent(share)} of the picture", extent_of_share(share)
