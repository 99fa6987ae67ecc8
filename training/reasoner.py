"""Stage 2: training the embedded reasoner, first the projector only, then projector and adapter together.

As in Anomaly-OneVision (arXiv 2502.07601), expert and vision encoder are frozen. A conversation is one sequence; a step
accumulates a few of them, one after the other, so nothing is padded.
"""

# kinds: teaches words for every kind that ships

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from looktwice.core.atomic import write_json
from looktwice.core.errors import InputError
from looktwice.core.study import Modality
from looktwice.datasets.instruct_words import Domain
from looktwice.evidence.expert import Expert
from looktwice.reasoning.embedded.model import EmbeddedConfig, EmbeddedModel
from looktwice.reasoning.embedded.smollm2 import fastest_dtype, load_smollm2
from looktwice.reasoning.prompt import describe
from looktwice.training.corpus import gather_sources
from looktwice.training.reasoner_lessons import Lesson, encode_scene, load_lessons, save_lessons, speak
from looktwice.training.reasoner_scenes import Scene, photograph_scenes, study_scenes
from looktwice.training.tensor_file import write_tensors
from looktwice.training.tracking import Track, untracked

CHECKPOINT_SECONDS = 120.0
WARM_UP = 0.05
LAST_RATE = 0.1
"""The learning rate falls along a cosine to this share of its peak."""

THINGS_SHARE = 0.5
"""How often a photograph of a thing is talked about; the rest is scans, clouds and medical pictures alike."""

SOUND_SHARE = 0.3
"""How often a sound one is: there is nothing to name in it, but for a false alarm."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class ReasonerPlan:
    """What the reasoner is taught, and for how long.

    Attributes
    ----------
    data, medical, normals : tuple of Path
        Benchmark folders of things and of medical pictures, and sound scans and meshes; see ``corpus.gather_sources``.
    left_out : tuple of str
        Categories, and names of scans and meshes, not to be seen.
    lessons : int
        Drawn from each benchmark category; a quarter as many from each scan or mesh.
    projector_steps, steps : int
        Of the projector alone, and of projector and adapter.
    batch : int
        Conversations a step.
    rate, projector_rate : float
        Peak learning rates of AdamW for the adapter and for the projector.
    minutes : float or None
        Longest time for all steps: the cosine then runs against the clock, and training ends with it.
    seed : int

    Examples
    --------
    >>> ReasonerPlan(data=(Path("things"),)).projector_steps
    60
    """

    data: tuple[Path, ...]
    medical: tuple[Path, ...] = ()
    normals: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()
    lessons: int = 240
    projector_steps: int = 60
    steps: int = 260
    batch: int = 4
    rate: float = 8e-4
    projector_rate: float = 1e-3
    minutes: float | None = None
    seed: int = 0


def train_reasoner(
    plan: ReasonerPlan,
    expert: Expert,
    out: Path,
    track: Track = untracked,
    report: Report = lambda line: None,
) -> Path:
    """Train projector and adapter; write ``reasoner.safetensors`` and ``training.json`` into `out`.

    Lessons are encoded once and kept in `out`, with a checkpoint every two minutes: a stopped training goes on.

    Parameters
    ----------
    plan : ReasonerPlan
    expert : Expert
        Frozen; its encoder and its selection are what the reasoner reads.
    out : Path
    track : callable
        Wraps what takes long, to show progress.
    report : callable
        Takes a line now and then: the loss, and how far training is.

    Returns
    -------
    Path
        The reasoner's file.
    """
    out.mkdir(parents=True, exist_ok=True)
    config = EmbeddedConfig(expert.encoder.name, expert.encoder.token_dim)
    lessons = _lessons(plan, expert, config.base_grid, out / "lessons", track, report)
    torch.manual_seed(plan.seed)
    llm, tokenizer = load_smollm2(fastest_dtype())
    model = EmbeddedModel(llm, tokenizer, config)
    teaching = Teaching(model, lessons, plan, out / "checkpoint.pt", report)
    teaching.run()
    path = out / "reasoner.safetensors"
    model.save(path, steps=teaching.step, revision=f"seed{plan.seed}")
    record = {**asdict(plan), "taught": len(lessons), "steps_done": teaching.step, "seconds": round(teaching.seconds)}
    write_json(record, out / "training.json", default=str)
    return path


class Teaching:
    """Both stages of the training of one model.

    Parameters
    ----------
    model : EmbeddedModel
    lessons : sequence of Lesson
    plan : ReasonerPlan
    checkpoint : Path
        Taken up where it exists.
    report : callable

    Attributes
    ----------
    step : int
        Steps done, of both stages.
    seconds : float
        Time spent on them, before a stop as well.

    Examples
    --------
    >>> plan = ReasonerPlan(data=(), projector_steps=10, steps=30)
    >>> teaching = Teaching(model, lessons, plan, Path("checkpoint.pt"), print)  # doctest: +SKIP
    >>> teaching.step = 20  # doctest: +SKIP
    >>> teaching.progress, teaching.is_projector_alone  # doctest: +SKIP
    (0.5, False)
    """

    def __init__(
        self, model: EmbeddedModel, lessons: Sequence[Lesson], plan: ReasonerPlan, checkpoint: Path, report: Report
    ) -> None:
        self.model, self.plan, self.checkpoint, self.report = model, plan, checkpoint, report
        self.shelves = _shelves(lessons)
        self.step, self.seconds = 0, 0.0
        projector = list(model.projector.parameters())
        adapter = [parameter for name, parameter in model.llm.named_parameters() if ".lora_" in name]
        self.precise = Precise([*projector, *adapter])
        rates = [plan.projector_rate] * len(projector) + [plan.rate] * len(adapter)
        self.optimiser = torch.optim.AdamW(
            [{"params": [master], "lr": rate} for master, rate in zip(self.precise.masters, rates, strict=True)],
            weight_decay=0.0,
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, lambda _: self._rate())
        self.adapter = adapter

    def run(self) -> None:
        """Train until the steps, or the minutes, are over."""
        self._resume()
        saved, losses = time.perf_counter(), []
        while self.progress < 1:
            started = time.perf_counter()
            losses.append(self._do_step())
            self.step += 1
            self.seconds += time.perf_counter() - started
            if self.step % 10 == 0:
                self.report(f"step {self.step}, {100 * self.progress:.0f} % done, loss {np.mean(losses[-10:]):.3f}")
            if time.perf_counter() - saved > CHECKPOINT_SECONDS:
                self._save()
                saved = time.perf_counter()
        self._save()

    @property
    def progress(self) -> float:
        """Share of the training that is done, by steps or by the clock, whichever is further."""
        done = self.step / (self.plan.projector_steps + self.plan.steps)
        return done if self.plan.minutes is None else max(done, self.seconds / 60 / self.plan.minutes)

    @property
    def is_projector_alone(self) -> bool:
        """Whether the first stage is still on."""
        share = self.plan.projector_steps / (self.plan.projector_steps + self.plan.steps)
        return self.progress < share

    def _rate(self) -> float:
        share = self.plan.projector_steps / (self.plan.projector_steps + self.plan.steps)
        alone = self.is_projector_alone
        done = self.progress / share if alone else (self.progress - share) / (1 - share)
        warmth = min(1.0, (done + 1e-3) / WARM_UP)
        return warmth * (LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * min(done, 1.0))) / 2)

    def _do_step(self) -> float:
        alone = self.is_projector_alone
        for parameter in self.adapter:
            parameter.requires_grad_(not alone)
        total = 0.0
        for number in range(self.plan.batch):
            rng = random.Random(f"{self.plan.seed}/{self.step}/{number}")
            lesson = _draw(self.shelves, rng)
            spoken = speak(lesson, rng)
            # Alone, the projector learns from the fields, which ask for what only the picture shows.
            turns = spoken.turns[:1] if alone else spoken.turns
            pictures = self.model.read(spoken.views, lesson.global_token, spoken.facts.suspicion)
            loss = self.model.loss(pictures, describe(spoken.facts, lesson.modality), turns) / self.plan.batch
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        self.precise.step(self.optimiser)
        self.schedule.step()
        return total

    def _save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "masters": [master.detach() for master in self.precise.masters],
            "optimiser": self.optimiser.state_dict(),
        }
        write_tensors(state, self.checkpoint)

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        self.step, self.seconds = state["step"], state["seconds"]
        self.precise.take(state["masters"])
        self.optimiser.load_state_dict(state["optimiser"])


class Precise:
    """Full-precision masters of weights that are computed with in bfloat16: small updates must not be rounded away.

    Parameters
    ----------
    parameters : list of Parameter

    Examples
    --------
    >>> weight = nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
    >>> precise = Precise([weight])
    >>> precise.take([torch.tensor([0.999])])  # bfloat16 rounds it to 1, the master keeps it for the next step
    >>> round(precise.masters[0].item(), 3), weight.item()
    (0.999, 1.0)
    """

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters = parameters
        self.masters = [nn.Parameter(parameter.detach().float().clone()) for parameter in parameters]

    def step(self, optimiser: torch.optim.Optimizer, longest: float = 1.0) -> None:
        """Let the optimiser move the masters by the parameters' gradients, clipped, and round the result back."""
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            master.grad = None if parameter.grad is None else parameter.grad.float()
            parameter.grad = None
        nn.utils.clip_grad_norm_(self.masters, longest)
        optimiser.step()
        self._round()

    def take(self, masters: Sequence[Tensor]) -> None:
        """Take other values."""
        for master, value in zip(self.masters, masters, strict=True):
            master.data.copy_(value)
        self._round()

    def _round(self) -> None:
        for parameter, master in zip(self.parameters, self.masters, strict=True):
            parameter.data.copy_(master.data)


def _lessons(plan: ReasonerPlan, expert: Expert, grid: int, folder: Path, track: Track, report: Report) -> list[Lesson]:
    """Return all lessons; each material's are kept in a file of their own as soon as they are encoded."""
    folder.mkdir(exist_ok=True)
    lessons = []
    materials = _materials(plan)
    for number, (name, scenes) in enumerate(track(materials, "encoding lessons", total=len(materials))):
        path = folder / f"{number:03d}-{name}.safetensors"
        if not path.is_file():
            rng = np.random.default_rng([plan.seed, number])
            try:
                found = [encode_scene(scene, expert, grid, rng) for scene in scenes(rng)]
            except InputError as error:
                report(f"left out: {error}")
                continue
            if not found:
                continue
            save_lessons(found, path)
        lessons += load_lessons(path)
    return lessons


def _materials(plan: ReasonerPlan) -> list[tuple[str, Callable[[np.random.Generator], Iterator[Scene]]]]:
    """Return each material's name, and what draws scenes of it."""
    things = gather_sources(plan.data, plan.normals, plan.left_out)
    patients = gather_sources(plan.medical, (), plan.left_out) if plan.medical else []
    patients = [source for source in patients if not source.pictures]  # those at hand are among the things already
    at_hand = sum(bool(source.pictures) for source in things)
    pictures = [source for source in (*things, *patients) if source.modality is Modality.IMAGE]
    materials: list[tuple[str, Callable[[np.random.Generator], Iterator[Scene]]]] = []
    for source in pictures:
        domain = Domain.MEDICAL if source in patients else Domain.INDUSTRIAL
        lessons = max(1, plan.lessons // at_hand) if source.pictures else plan.lessons
        materials.append((source.name, partial(photograph_scenes, source, lessons, donors=pictures, domain=domain)))
    for source in things:
        for study in source.studies:
            if study.name not in plan.left_out:
                materials.append((study.name, partial(study_scenes, study, plan.lessons // 4)))
    return materials


Shelves = dict[tuple[Modality, Domain], dict[str, list[Lesson]]]


def _shelves(lessons: Sequence[Lesson]) -> Shelves:
    """Sort lessons by what is shown, then by kind; "" is sound."""
    shelves: Shelves = {}
    for lesson in lessons:
        kinds = shelves.setdefault((lesson.modality, lesson.domain), {})
        kinds.setdefault(lesson.kind or "", []).append(lesson)
    return shelves


def _draw(shelves: Shelves, rng: random.Random) -> Lesson:
    """Draw a lesson: things as often as scans, clouds and medical pictures together, and every kind alike."""
    things = (Modality.IMAGE, Domain.INDUSTRIAL)
    others = [shelf for shelf in shelves if shelf != things]
    chosen = things if things in shelves and (not others or rng.random() < THINGS_SHARE) else rng.choice(others)
    kinds = dict(shelves[chosen])
    sound = kinds.pop("", [])
    if sound and (not kinds or rng.random() < SOUND_SHARE):
        return rng.choice(sound)
    return rng.choice(kinds[rng.choice(sorted(kinds))])
