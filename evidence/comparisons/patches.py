"""Comparison of photographs with a few normal images (``--references``) or within a cohort (``--cohort``).

A distance alone says nothing: how much two normal images differ depends on the material, and so does which feature
level can show an anomaly. Both comparisons therefore estimate the normal distribution of distances first
(``level_weights``): with references, by comparing each with the others (leave-one-out); in a cohort, by median and
median absolute deviation, since most members are normal.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from looktwice.evidence.comparisons.level_weights import Normal, mean_and_spread, median_and_spread
from looktwice.evidence.comparisons.memory_bank import MemoryBank, mutual_distances, mutual_distances_of_others
from looktwice.evidence.comparisons.patch_features import PatchFeatures
from looktwice.evidence.settings import DEFAULTS, Settings


class References:
    """Reference images: a few normal images to compare with.

    Parameters
    ----------
    described : PatchFeatures
        Of at least two normal images.
    turned : sequence of PatchFeatures
        Of the same images, rotated or mirrored: these orientations then count as normal, too.
    unrelated : PatchFeatures, optional
        Of unrelated images. Feature levels are weighted by how clearly these stand out; see ``level_weights``.
    settings : Settings

    Examples
    --------
    One token of a picture is like none of the references:

    >>> fields = torch.tensor([1.0, 0.0]) + torch.rand(4, 8, 8, 2, generator=torch.Generator().manual_seed(0)) / 10
    >>> described = PatchFeatures((torch.nn.functional.normalize(fields, dim=3),), torch.rand(4, 2), (True,))
    >>> strange = described.rows([0])
    >>> strange.fields[0][0, 2, 3] = torch.tensor([0.0, 1.0])
    >>> maps, logits = References(described).compare(strange)
    >>> int(maps.argmax()) == 2 * 8 + 3, float(logits) > 0
    (True, True)
    """

    def __init__(
        self,
        described: PatchFeatures,
        turned: Sequence[PatchFeatures] = (),
        unrelated: PatchFeatures | None = None,
        settings: Settings = DEFAULTS,
    ) -> None:
        self._settings, self._floor = settings, settings.self_reference.distance_floor
        seen = [[field.float().flatten(1, 2) for field in one.fields] for one in (described, *turned)]
        self.banks = [MemoryBank(field, others, settings.memory_bank) for field, *others in zip(*seen, strict=True)]
        normal = [
            _logarithm(bank.levels_of_normal, self._floor).unflatten(1, field.shape[1:3])
            for bank, field in zip(self.banks, described.fields, strict=True)
        ]
        far = None if unrelated is None else [one.flatten() for one in self._distances(unrelated)]
        self.normal = Normal.of(normal, described.deepest, far, mean_and_spread, settings.level_weights)

    def compare(self, described: PatchFeatures) -> tuple[Tensor, Tensor]:
        """Return map logits (V, h, w) and image-level logits (V,)."""
        places, evidence = self.normal.judge(self._distances(described))
        offsets = self._settings.photographs
        return places - offsets.even_odds_z, evidence - offsets.logit_offset

    def _distances(self, described: PatchFeatures) -> list[Tensor]:
        return [
            _logarithm(bank.distances(field.float().flatten(1, 2)), self._floor).unflatten(1, field.shape[1:3])
            for bank, field in zip(self.banks, described.fields, strict=True)
        ]


def compare_cohort(
    described: PatchFeatures, unrelated: PatchFeatures | None = None, settings: Settings = DEFAULTS
) -> tuple[Tensor, Tensor]:
    """Score each image of a cohort by the others (mutual scoring); return map logits (V, h, w) and logits (V,).

    Parameters
    ----------
    described : PatchFeatures
        Of at least three images, most of them normal.
    unrelated : PatchFeatures, optional
        As in `References`.
    settings : Settings
    """
    floor = settings.self_reference.distance_floor
    fields = [field.flatten(1, 2) for field in described.fields]
    maps = [
        _logarithm(mutual_distances(field, settings.memory_bank), floor).unflatten(1, own.shape[1:3])
        for field, own in zip(fields, described.fields, strict=True)
    ]
    far = None
    if unrelated is not None:
        others = (field.flatten(0, 2) for field in unrelated.fields)
        far = [
            _logarithm(mutual_distances_of_others(field, tokens, settings.memory_bank), floor)
            for field, tokens in zip(fields, others, strict=True)
        ]
    normal = Normal.of(maps, described.deepest, far, median_and_spread, settings.level_weights)
    places, evidence = normal.judge(maps)
    return places - settings.photographs.even_odds_z, settings.photographs.cohort_weight * evidence


def _logarithm(distances: Tensor, floor: float) -> Tensor:
    return torch.log(distances + floor)
