"""Evidence from other photographs: a few normal ones (``--references``) or an unlabelled cohort (``--cohort``).

Distances mean nothing by themselves: how far apart two normal pictures lie depends on the material, and so does which
fields could show an anomaly. Both comparisons therefore measure what is normal here (``headroom``): among the
references themselves, each against the others; in a cohort, by its median and median absolute deviation, since most of
it is normal.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from looktwice.evidence.comparisons.level_weights import Normal, mean_and_spread, median_and_spread
from looktwice.evidence.comparisons.memory_bank import MemoryBank, mutual_distances, mutual_distances_of_others
from looktwice.evidence.comparisons.patch_features import PatchFeatures
from looktwice.evidence.self_reference_maps import FLOOR

# A picture is as likely an anomaly as not when its evidence comes to this; a place, at this many deviations.
EVEN_ODDS, PLACE_EVEN_ODDS = 0.1, 3.0
# Anomalous members widen what counts as usual in a cohort: its evidence says so much less than that of references.
COHORT_WEIGHT = 0.5


class References:
    """A few normal pictures to compare with.

    Parameters
    ----------
    described : PatchFeatures
        Of at least two normal pictures.
    turned : sequence of PatchFeatures
        Of the same pictures, turned or mirrored: what lies otherwise than in the references is then no less normal.
    unrelated : PatchFeatures, optional
        Of things that have nothing to do with the pictures: the fields are weighed by how plainly those stand out.
    """

    def __init__(
        self, described: PatchFeatures, turned: Sequence[PatchFeatures] = (), unrelated: PatchFeatures | None = None
    ) -> None:
        seen = [[field.float().flatten(1, 2) for field in one.fields] for one in (described, *turned)]
        self.banks = [MemoryBank(field, others) for field, *others in zip(*seen, strict=True)]
        normal = [
            _logarithm(bank.levels_of_normal).unflatten(1, field.shape[1:3])
            for bank, field in zip(self.banks, described.fields, strict=True)
        ]
        far = None if unrelated is None else [one.flatten() for one in self._distances(unrelated)]
        self.normal = Normal.of(normal, described.deepest, far, mean_and_spread)

    def compare(self, described: PatchFeatures) -> tuple[Tensor, Tensor]:
        """Return map logits (V, h, w) and logits (V,) of pictures."""
        places, evidence = self.normal.judge(self._distances(described))
        return places - PLACE_EVEN_ODDS, evidence - EVEN_ODDS

    def _distances(self, described: PatchFeatures) -> list[Tensor]:
        return [
            _logarithm(bank.distances(field.float().flatten(1, 2))).unflatten(1, field.shape[1:3])
            for bank, field in zip(self.banks, described.fields, strict=True)
        ]


def compare_cohort(described: PatchFeatures, unrelated: PatchFeatures | None = None) -> tuple[Tensor, Tensor]:
    """Score each picture of a cohort by the others; map logits (V, h, w) and logits (V,).

    Parameters
    ----------
    described : PatchFeatures
        Of at least three pictures, most of them normal.
    unrelated : PatchFeatures, optional
        As for `References`.
    """
    fields = [field.flatten(1, 2) for field in described.fields]
    maps = [
        _logarithm(mutual_distances(field)).unflatten(1, own.shape[1:3])
        for field, own in zip(fields, described.fields, strict=True)
    ]
    far = None
    if unrelated is not None:
        others = (field.flatten(0, 2) for field in unrelated.fields)
        far = [
            _logarithm(mutual_distances_of_others(field, tokens)) for field, tokens in zip(fields, others, strict=True)
        ]
    normal = Normal.of(maps, described.deepest, far, median_and_spread)
    places, evidence = normal.judge(maps)
    return places - PLACE_EVEN_ODDS, COHORT_WEIGHT * evidence


def _logarithm(distances: Tensor) -> Tensor:
    return torch.log(distances + FLOOR)
