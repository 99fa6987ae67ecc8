"""Comparison of photographs with a few normal ones, or with the cohort that they came with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.special import expit
from torch import Tensor

from looktwice.core.batches import batched
from looktwice.core.calibration import logit
from looktwice.core.errors import UsageError
from looktwice.core.finding import Finding, Join, ViewHeat
from looktwice.core.rates import RATES
from looktwice.core.shipped_pictures import shipped_pictures
from looktwice.core.study import ByteArray
from looktwice.core.tokens import Tokens
from looktwice.evidence.base import Typical
from looktwice.evidence.comparisons.gallery import OTHER_OBJECT_NOTE, Gallery
from looktwice.evidence.comparisons.normal_rotations import normal_turns
from looktwice.evidence.comparisons.patch_features import PatchFeatures
from looktwice.evidence.comparisons.patches import References, compare_cohort
from looktwice.evidence.comparisons.studies import LEAST_COHORT, check_enough
from looktwice.evidence.encoding import PHOTOGRAPH_BATCH, EncodedViews
from looktwice.evidence.expert import Expert
from looktwice.evidence.self_reference_maps import FeatureLevel
from looktwice.evidence.settings import PhotographSettings

Pictures = Sequence[npt.NDArray[np.uint8]]

Describe = Callable[[Tokens, tuple[FeatureLevel, ...]], PatchFeatures]
"""Keeps what a comparison needs of the tokens of one encoder pass, by the feature levels of that pass."""

BATCH = 16
LEAST_REFERENCES = 2


class PhotographDescriber:
    """Keeps what describes photographs on all feature levels, each on its own grid.

    Parameters
    ----------
    expert : Expert

    Examples
    --------
    It needs no more of an expert than which feature levels it uses:

    >>> from types import SimpleNamespace
    >>> from looktwice.evidence.config import ExpertConfig
    >>> describer = PhotographDescriber(SimpleNamespace(config=ExpertConfig("", {}, 16, (FeatureLevel(0, 1),))))
    >>> tokens = Tokens(torch.rand(2, 64, 6), [torch.rand(2, 64, 6)], grid=(8, 8))
    >>> views = EncodedViews(tokens, tokens.final, tokens, crop_counts=(1, 1), photographs=True)
    >>> [tuple(one.fields[0].shape) for one in describer.keep(views)]
    [(1, 8, 8, 6), (1, 8, 8, 6)]
    """

    def __init__(self, expert: Expert) -> None:
        self._expert = expert

    def keep(self, views: EncodedViews) -> list[PatchFeatures]:
        """Return what describes each photograph."""
        return _of_views(views, self._expert, PatchFeatures.of)


class PhotographReferences(PhotographDescriber):
    """A few normal photographs to compare others with.

    They are remembered turned and mirrored too where that keeps what is normal (``normal_rotations``).

    Parameters
    ----------
    expert : Expert
    pictures : sequence of uint8, shape (H, W, 3)
    described : sequence of PatchFeatures
        What `keep` kept of each of them.

    Raises
    ------
    UsageError
        Fewer than two pictures: nothing would tell how normal ones differ.

    Examples
    --------
    Four grey plates, and one with a red spot, here with colours for tokens:

    >>> from types import SimpleNamespace
    >>> from looktwice.encoders.pixels import resize_batch
    >>> from looktwice.evidence.config import ExpertConfig
    >>> def encode(pictures):
    ...     colours = resize_batch(pictures, 8, mean=0.0, std=1.0).flatten(2).mT
    ...     return Tokens(colours, [colours], (8, 8))
    >>> config, encoder = ExpertConfig("", {}, 16, (FeatureLevel(0, 1),)), SimpleNamespace(encode=encode)
    >>> expert = SimpleNamespace(config=config, encoder=encoder, pass_encoders=[])
    >>> plates = np.random.default_rng(0).integers(90, 110, (5, 64, 64, 3), np.uint8)
    >>> plates[4, 16:32, 16:32, 0] = 255
    >>> described = [PatchFeatures.of(encode([plate]), [FeatureLevel(0, 1)]) for plate in plates]
    >>> references = PhotographReferences(expert, plates[:4], described[:4])
    >>> own = Finding("self_reference", 0.0, ViewHeat(np.full((1, 8, 8), 0.5, np.float32)))
    >>> references.compare(plates[4], described[4], own, typical=None).score > 0.5
    True
    """

    def __init__(self, expert: Expert, pictures: Pictures, described: Sequence[PatchFeatures]) -> None:
        super().__init__(expert)
        check_enough(pictures, LEAST_REFERENCES)
        self._pictures = list(pictures)
        settings = expert.config.settings
        straight = PatchFeatures.concatenate(described)
        self._gallery = Gallery(straight.global_descriptor, settings.photographs.another_object_z)
        turned = normal_turns(
            pictures, straight, partial(_described, expert, keep=PatchFeatures.of), settings.rotations
        )
        self._references = References(straight, turned, _unrelated(expert, PatchFeatures.of), settings)

    @torch.inference_mode()
    def compare(self, picture: ByteArray, kept: PatchFeatures, own: Finding, typical: Typical | None) -> Finding:
        """Compare one photograph with the references.

        Parameters
        ----------
        picture : uint8, shape (H, W, 3)
        kept : PatchFeatures
            What `keep` kept of it.
        own : Finding
            What self-reference finds in it.
        typical : Typical, optional
            What it finds in the references.
        """
        places, logits = self._references.compare(kept)
        nearest, another = self._gallery.nearest(kept.global_descriptor)
        finding = add_own(
            "references", places[0], float(logits[0]), own, typical, self._expert.config.settings.photographs
        )
        notes = (OTHER_OBJECT_NOTE,) if another else ()
        return replace(finding, notes=notes, reference=self._pictures[nearest])


class PhotographCohort:
    """Photographs, most of them normal, each compared with the others.

    Some 400 kB are kept of each until all have been looked at: all but the shallowest feature level are halved in grid,
    since every member is compared with many.

    Parameters
    ----------
    expert : Expert

    Examples
    --------
    One token of the last of five photographs is like none of the others:

    >>> from types import SimpleNamespace
    >>> from looktwice.evidence.config import ExpertConfig
    >>> tokens, unrelated = torch.tensor([1.0, 0.0, 0.0]) + torch.rand(5, 64, 3) / 10, torch.rand(4, 64, 3)
    >>> tokens[4, 20] = torch.tensor([0.0, 0.0, 1.0])
    >>> encoder = SimpleNamespace(encode=lambda pictures: Tokens(unrelated, [unrelated], (8, 8)))
    >>> config = ExpertConfig("", {}, 16, (FeatureLevel(0, 1),))
    >>> cohort = PhotographCohort(SimpleNamespace(config=config, encoder=encoder, pass_encoders=[]))
    >>> described = PatchFeatures.of(Tokens(tokens, [tokens], (8, 8)), config.feature_levels)
    >>> found = cohort.compare_all([described.rows([index]) for index in range(5)])
    >>> int(np.argmax([logit for _, logit in found])), int(found[4][0].argmax())
    (4, 20)
    """

    def __init__(self, expert: Expert) -> None:
        self._expert = expert

    def keep(self, views: EncodedViews) -> list[PatchFeatures]:
        """Return what describes each photograph."""
        return _of_views(views, self._expert, _coarse)

    @torch.inference_mode()
    def compare_all(self, described: Sequence[PatchFeatures]) -> list[tuple[Tensor, float]]:
        """Compare all members with each other; logits of places (h, w) and of the photograph, for each.

        Raises
        ------
        UsageError
            Fewer than three.
        """
        if len(described) < LEAST_COHORT:
            raise UsageError(f"a cohort needs at least {LEAST_COHORT} photographs")
        everything = PatchFeatures.concatenate(described)
        maps, logits = compare_cohort(everything, _unrelated(self._expert, _coarse), self._expert.config.settings)
        return [(places, float(one)) for places, one in zip(maps, logits, strict=True)]


def add_own(
    name: str,
    places: Tensor,
    logit_: float,
    own: Finding,
    typical: Typical | None,
    settings: PhotographSettings,
) -> Finding:
    """Add what a photograph shows alone, beyond the usual of its material, to what a comparison says; logits add up.

    Parameters
    ----------
    name : str
        Of the comparison.
    places : Tensor, shape (h, w)
        Logits of its places.
    logit_ : float
    own : Finding
        What self-reference finds; replaced by the result.
    typical : Typical, optional
    settings : PhotographSettings
    """
    assert isinstance(own.heat, ViewHeat)
    usual = typical or Typical(0.0, 0.0)
    grid = own.heat.maps.shape[1:]
    same = F.interpolate(places[None, None].float(), grid, mode="bilinear", align_corners=False)[:, 0].cpu().numpy()
    heat = expit(settings.own_place_weight * (logit(own.heat.maps) - usual.place) + same).astype(np.float32)
    return Finding(name, settings.own_weight * (own.logit - usual.score) + logit_, ViewHeat(heat), Join.REPLACE)


def typical_of(findings: Sequence[Finding]) -> Typical:
    """Return what self-reference finds in photographs of one material, most of them normal."""
    places = np.concatenate([one.heat.maps.ravel() for one in findings if isinstance(one.heat, ViewHeat)])
    return Typical(
        score=float(np.median([one.logit for one in findings])),
        place=float(logit(np.quantile(places, 1 - RATES.unusual_places))),
    )


@torch.inference_mode()
def describe(expert: Expert, pictures: Pictures) -> PatchFeatures:
    """Encode photographs, whole and at the encoder's own side: their deeper feature levels side by side as one."""
    levels = expert.config.feature_levels[1:] or expert.config.feature_levels
    parts = [PatchFeatures.of(expert.encoder.encode(batch), fine=levels) for batch in batched(pictures, BATCH)]
    described = PatchFeatures.concatenate(parts)
    side_by_side = torch.cat(described.fields, dim=-1) / len(levels) ** 0.5
    return PatchFeatures((side_by_side,), described.global_descriptor, deepest=(True,))


def _of_views(views: EncodedViews, expert: Expert, keep: Describe) -> list[PatchFeatures]:
    """Describe encoded photographs by the tokens of each pass, side by side."""
    passes = views.passes or (views.tokens,)
    parts = [[keep(tokens, levels)] for tokens, levels in zip(passes, _levels(expert), strict=True)]
    described = PatchFeatures.joined(parts)
    return [described.rows([index]) for index in range(len(views.crop_counts))]


@torch.inference_mode()
def _described(expert: Expert, pictures: Pictures, keep: Describe) -> PatchFeatures:
    """Describe photographs as `_of_views` does, without looking for anything else in them."""
    encoders = expert.pass_encoders or [expert.encoder]
    return PatchFeatures.joined(
        [
            [keep(encoder.encode(batch), levels) for batch in batched(pictures, PHOTOGRAPH_BATCH)]
            for encoder, levels in zip(encoders, _levels(expert), strict=True)
        ]
    )


def _unrelated(expert: Expert, keep: Describe) -> PatchFeatures:
    """Describe pictures that have nothing to do with whatever is inspected, thinned to some of their tokens."""
    return _described(expert, shipped_pictures(), keep).thinned(expert.config.settings.photographs.unrelated_step)


def _coarse(tokens: Tokens, levels: tuple[FeatureLevel, ...]) -> PatchFeatures:
    """Describe a pass by its shallowest feature level on its own grid, and by deeper ones on half of it."""
    own = 1 if len(levels) > 1 else 0
    return PatchFeatures.of(tokens, levels[:own], levels[own:])


def _levels(expert: Expert) -> list[tuple[FeatureLevel, ...]]:
    """Return what comparisons describe each further pass over a photograph by, or the only one."""
    return [one.feature_levels for one in expert.config.passes] or [expert.config.feature_levels]
