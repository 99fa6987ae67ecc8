"""Photographs beside other photographs: a few normal ones, or the whole cohort that they came with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.special import expit
from torch import Tensor

from looktwice import modalities
from looktwice.core.batches import batched
from looktwice.core.calibration import logit
from looktwice.core.errors import InputError, UsageError
from looktwice.core.shipped_pictures import shipped_pictures
from looktwice.core.study import Modality
from looktwice.core.tokens import Tokens
from looktwice.evidence.expert import DETAIL_BATCH, Expert, Sighting
from looktwice.evidence.references.comparison import References, compare_cohort
from looktwice.evidence.references.normal_rotations import normal_turns
from looktwice.evidence.references.patch_features import PatchFeatures
from looktwice.evidence.references.studies import LEAST_COHORT
from looktwice.evidence.self_reference.maps import FeatureLevel

Pictures = Sequence[npt.NDArray[np.uint8]]

Describe = Callable[[Tokens, tuple[FeatureLevel, ...]], PatchFeatures]
"""Keeps what a comparison needs of a look's tokens, by the fields of that look."""

BATCH = 16
LEAST_REFERENCES = 2
# What a photograph, or a place in it, shows by itself counts so much beside how it compares with others.
OWN_WEIGHT, OWN_PLACE_WEIGHT = 1 / 3, 0.25
# Of unrelated pictures, every so many rows and columns of tokens are looked at.
UNRELATED_STEP = 4
# Share of the places of normal photographs that may be more alarming than the usual.
UNUSUAL_PLACES = 0.01


@dataclass(frozen=True)
class Usual:
    """What the expert's own evidence comes to on the material at hand, most of it normal, as logits.

    How alarming normal material looks by itself differs from one material to another, so that one threshold for the
    own evidence fits few of them; where others of the same kind are at hand, only what exceeds them counts.

    Attributes
    ----------
    score : float
        Median of the studies.
    place : float
        What few places of them exceed.
    """

    score: float
    place: float

    @staticmethod
    def of(sightings: Sequence[Sighting]) -> Usual:
        """Take the usual from photographs that were looked at, each by itself."""
        places = np.concatenate([sighting.maps[0].ravel() for sighting in sightings])
        return Usual(
            score=float(np.median([logit(sighting.score) for sighting in sightings])),
            place=float(logit(np.quantile(places, 1 - UNUSUAL_PLACES))),
        )


class PhotographReferences:
    """A few normal photographs, to look at others beside them.

    They are remembered turned and mirrored too where that keeps what is normal (``normal_rotations``).

    Parameters
    ----------
    expert : Expert
    pictures : sequence of uint8, shape (H, W, 3)

    Raises
    ------
    UsageError
        Fewer than two pictures: nothing would tell how normal ones differ.
    """

    def __init__(self, expert: Expert, pictures: Pictures) -> None:
        if len(pictures) < LEAST_REFERENCES:
            raise UsageError(f"at least {LEAST_REFERENCES} references are needed to know how normal ones differ")
        self.expert = expert
        sightings, described = self._look(pictures)
        turned = normal_turns(pictures, described, partial(_described, expert, keep=PatchFeatures.of))
        self.references = References(described, turned, _unrelated(expert, PatchFeatures.of))
        self.usual = Usual.of(sightings)

    def see(self, pictures: Pictures) -> list[Sighting]:
        """Look at photographs, each beside the references."""
        sightings, described = self._look(pictures)
        return _join("references", sightings, self.usual, *self.references.compare(described))

    def _look(self, pictures: Pictures) -> tuple[list[Sighting], PatchFeatures]:
        sightings, looks = _look(self.expert, pictures, PatchFeatures.of)
        return sightings, PatchFeatures.joined(looks)


@torch.inference_mode()
def describe(expert: Expert, pictures: Pictures) -> PatchFeatures:
    """Encode photographs, whole and at the encoder's own side, as one field: their deeper fields side by side."""
    fields = expert.config.feature_levels[1:] or expert.config.feature_levels
    parts = [PatchFeatures.of(expert.encoder.encode(batch), fine=fields) for batch in batched(pictures, BATCH)]
    described = PatchFeatures.concatenate(parts)
    side_by_side = torch.cat(described.fields, dim=-1) / len(fields) ** 0.5
    return PatchFeatures((side_by_side,), described.whole, deepest=(True,))


def see_cohort(expert: Expert, pictures: Iterable[npt.NDArray[np.uint8]]) -> list[Sighting]:
    """Look at all photographs of a cohort, most of them normal, each beside the others.

    Pictures are taken one batch at a time, some 400 kB kept of each: all but the shallowest field are halved in grid,
    since every member is compared with many.

    Raises
    ------
    UsageError
        Fewer than three pictures.
    """
    sightings, looks = _look(expert, pictures, _coarse)
    if len(sightings) < LEAST_COHORT:
        raise UsageError(f"a cohort needs at least {LEAST_COHORT} photographs")
    compared = compare_cohort(PatchFeatures.joined(looks), _unrelated(expert, _coarse))
    return _join("cohort", sightings, Usual.of(sightings), *compared)


def open_photographs(paths: Sequence[Path]) -> list[npt.NDArray[np.uint8]]:
    """Read photographs to compare with.

    Raises
    ------
    UsageError
        One of them is not a photograph, or cannot be read.
    """
    pictures = []
    for path in paths:
        try:
            study = modalities.open(path)
        except InputError as error:
            raise UsageError(str(error)) from error
        if study.modality is not Modality.IMAGE:
            raise UsageError(f"{path}: only photographs can be references so far")
        pictures.append(study.views()[0].image)
    return pictures


def photographs_of(paths: Iterable[Path], readable: list[Path]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield the photographs among some inputs, and note in `readable` which these are."""
    for path in paths:
        try:
            if modalities.detect(path) is not Modality.IMAGE:
                continue
            picture = modalities.open(path).views()[0].image
        except InputError:
            continue
        readable.append(path)
        yield picture


def _look(
    expert: Expert,
    pictures: Iterable[npt.NDArray[np.uint8]],
    described: Describe,
) -> tuple[list[Sighting], list[list[PatchFeatures]]]:
    """Look at photographs batch by batch, and keep what comparisons need of each look's tokens, part by part."""
    fields = _fields(expert)
    kept: list[list[PatchFeatures]] = [[] for _ in fields]

    def keep(look: int, tokens: Tokens) -> None:
        kept[look].append(described(tokens, fields[look]))

    sightings = [one for batch in batched(pictures, BATCH) for one in expert.see_photographs(batch, watch=keep)]
    return sightings, kept


@torch.inference_mode()
def _described(expert: Expert, pictures: Pictures, keep: Describe) -> PatchFeatures:
    """Describe photographs by each look's tokens, as `_look` has them, and see nothing else in them."""
    pass_encoders = expert.pass_encoders or [expert.encoder]
    return PatchFeatures.joined(
        [
            [keep(looker.encode(batch), fields) for batch in batched(pictures, DETAIL_BATCH)]
            for looker, fields in zip(pass_encoders, _fields(expert), strict=True)
        ]
    )


def _unrelated(expert: Expert, keep: Describe) -> PatchFeatures:
    """Describe pictures that have nothing to do with whatever is inspected, thinned to some of their tokens."""
    return _described(expert, shipped_pictures(), keep).thinned(UNRELATED_STEP)


def _coarse(tokens: Tokens, fields: tuple[FeatureLevel, ...]) -> PatchFeatures:
    """Describe a look by its shallowest field on its own grid, and by deeper ones on half of it."""
    own = 1 if len(fields) > 1 else 0
    return PatchFeatures.of(tokens, fields[:own], fields[own:])


def _fields(expert: Expert) -> list[tuple[FeatureLevel, ...]]:
    """Return what comparisons describe each further look at a photograph by, or the only one."""
    return [look.feature_levels for look in expert.config.passes] or [expert.config.feature_levels]


def _join(source: str, sightings: Sequence[Sighting], usual: Usual, maps: Tensor, logits: Tensor) -> list[Sighting]:
    """Add what a comparison says to what each photograph shows beyond the usual."""
    joined = []
    grid = sightings[0].maps.shape[1:]
    maps = F.interpolate(maps[:, None], grid, mode="bilinear", align_corners=False)[:, 0]
    for sighting, places, own in zip(sightings, maps.cpu().numpy(), logits.cpu().tolist(), strict=True):
        score = float(expit(OWN_WEIGHT * (logit(sighting.score) - usual.score) + own))
        beyond = OWN_PLACE_WEIGHT * (logit(sighting.maps[0]) - usual.place)
        heat = expit(beyond + places).astype(np.float32)[None]
        sources = {**sighting.sources, source: float(expit(own))}
        joined.append(
            replace(sighting, maps=heat, view_scores=np.array([score], np.float32), score=score, sources=sources)
        )
    return joined
