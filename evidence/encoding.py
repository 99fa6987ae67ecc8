"""Encoding studies: every view is encoded once, and each source keeps of its tokens what it needs.

Memory does not grow with the number of views but for what the sources keep (some kilobytes a view).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from looktwice.core.result import Failure, Kept
from looktwice.core.study import Study
from looktwice.core.tokens import Tokens
from looktwice.encoders import anyres
from looktwice.evidence.expert import Expert

Image = npt.NDArray[np.uint8]

BATCH = 16
# On a CPU a small batch stays in the caches: a quarter faster.
CPU_BATCH = 4
PHOTOGRAPH_BATCH = 4


@dataclass(frozen=True)
class EncodedViews:
    """What the encoders see in a batch of V views.

    Attributes
    ----------
    tokens : Tokens
        Of the views, by the expert's own encoder.
    base : Tensor, shape (V, N, C) or (1, N, C)
        Final tokens of the base view of each view's study.
    crops : Tokens
        Of photographs: each with its AnyRes crops, the whole first. Otherwise the views again.
    crop_counts : tuple of int
        How many of `crops` belong to each view.
    adapted : Tokens, optional
        By the adapted encoder, where each view is a photograph and a study of its own.

    Examples
    --------
    A source keeps one item of each view, here how much its tokens differ; those of the last do:

    >>> final = torch.zeros(3, 16, 8)
    >>> final[2, 5] = 4.0
    >>> tokens = Tokens(final, [final], grid=(4, 4))
    >>> views = EncodedViews(tokens, base=final[:1], crops=tokens, crop_counts=(1, 1, 1))
    >>> views.tokens.final.std(dim=1).mean(dim=1).tolist()
    [0.0, 0.0, 1.0]
    """

    tokens: Tokens
    base: Tensor
    crops: Tokens
    crop_counts: tuple[int, ...]
    adapted: Tokens | None = None


Keep = Callable[[EncodedViews], Sequence[Any]]
"""Keeps what a source needs of a batch of views: one item per view."""


@dataclass(frozen=True, eq=False)
class StudyTokens:
    """What the sources kept of one study's tokens.

    Attributes
    ----------
    grid : (int, int)
        Of the expert's own encoder.
    kept : dict of str to list
        By source: one item per view, in the order of the study's views.
    seconds : dict of str to float
        ``load`` (making the views), ``encode`` and ``match`` (what the sources did with the tokens).

    Examples
    --------
    A source finds here what it kept of each view:

    >>> tokens = StudyTokens(grid=(4, 4), kept={"dust": [0.1, 0.7, 0.2]})
    >>> max(tokens.kept["dust"])
    0.7
    """

    grid: tuple[int, int]
    kept: dict[str, list[Any]]
    seconds: dict[str, float] = field(default_factory=dict)


class _Clock:
    """Adds up seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds = {"load": 0.0, "encode": 0.0, "match": 0.0}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] += now - self._last
        self._last = now


@torch.inference_mode()
def encode_photographs(expert: Expert, images: Sequence[Image]) -> EncodedViews:
    """Encode photographs: whole and in AnyRes crops, and by the adapted encoder.

    Parameters
    ----------
    expert : Expert
    images : sequence of uint8, shape (H, W, 3)
    """
    tilings = [anyres.tile(image, expert.encoder.input_size, expert.config.max_tiles) for image in images]
    counts = tuple(len(tiling.crops) for tiling in tilings)
    crops = expert.encoder.encode([crop for tiling in tilings for crop in tiling.crops])
    firsts = [sum(counts[:index]) for index in range(len(counts))]
    tokens = crops.rows(firsts) if max(counts) > 1 else crops
    return EncodedViews(tokens, tokens.final, crops, counts, expert.adapted_encoder.encode(images))


def photograph_tokens(expert: Expert, images: Sequence[Image], keepers: Mapping[str, Keep]) -> list[StudyTokens]:
    """Encode photographs, each a study of its own, and let each source keep what it needs."""
    found: list[StudyTokens] = []
    for start in range(0, len(images), PHOTOGRAPH_BATCH):
        batch = images[start : start + PHOTOGRAPH_BATCH]
        clock = _Clock()
        views = encode_photographs(expert, batch)
        clock.lap("encode")
        kept = _keep(views, keepers)
        clock.lap("match")
        seconds = {name: spent / len(batch) for name, spent in clock.seconds.items()}
        for index in range(len(batch)):
            own = {name: [items[index]] for name, items in kept.items()}
            found.append(StudyTokens(views.tokens.grid, own, dict(seconds)))
    return found


@torch.inference_mode()
def study_tokens(expert: Expert, study: Study, keepers: Mapping[str, Keep]) -> StudyTokens:
    """Encode the views of a study in batches, the base view first, and let each source keep what it needs."""
    views, clock = study.views(), _Clock()
    order = [study.base, *(index for index in range(len(views)) if index != study.base)]
    size = CPU_BATCH if expert.device.type == "cpu" else BATCH
    kept: dict[str, list[Any]] = {name: [None] * len(order) for name in keepers}
    base: Tensor | None = None
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        images = [views[index].image for index in batch]
        clock.lap("load")
        tokens = expert.encoder.encode(images)
        base = tokens.final[:1] if base is None else base
        clock.lap("encode")
        found = _keep(EncodedViews(tokens, base, tokens, (1,) * len(batch)), keepers)
        for name, items in found.items():
            for index, item in zip(batch, items, strict=True):
                kept[name][index] = item
        clock.lap("match")
    return StudyTokens(expert.encoder.grid, kept, clock.seconds)


def encode_studies(expert: Expert, studies: Sequence[Study], keepers: Mapping[str, Keep]) -> list[StudyTokens]:
    """Encode studies of one batch: photographs together, others one by one."""
    if all(is_photograph(study) for study in studies):
        return photograph_tokens(expert, [study.views()[0].image for study in studies], keepers)
    return [study_tokens(expert, study, keepers) for study in studies]


def batches_of(studies: Iterable[Study | Failure | Kept]) -> Iterator[list[Study] | Failure | Kept]:
    """Gather successive photographs into batches; others come one by one."""
    waiting: list[Study] = []
    for study in studies:
        if isinstance(study, Study) and is_photograph(study):
            waiting.append(study)
            if len(waiting) < PHOTOGRAPH_BATCH:
                continue
            yield waiting
            waiting = []
            continue
        if waiting:
            yield waiting
            waiting = []
        yield study if isinstance(study, (Failure, Kept)) else [study]
    if waiting:
        yield waiting


def is_photograph(study: Study) -> bool:
    """Whether a study is encoded by the adapted encoder, in crops and together with others."""
    return study.modality == "image"  # kind: photographs alone are encoded in crops and by the adapted encoder


def _keep(views: EncodedViews, keepers: Mapping[str, Keep]) -> dict[str, Sequence[Any]]:
    return {name: keep(views) for name, keep in keepers.items()}
