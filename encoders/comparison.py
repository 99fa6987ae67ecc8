"""Evidence from other photographs: a few normal ones (``--references``) or an unlabelled cohort (``--cohort``).

Distances mean nothing by themselves: how far apart two normal pictures lie depends on the material. Both comparisons
therefore count in standard deviations of what is normal here: among the references themselves, each measured against
the others; in a cohort, by its median and median absolute deviation, since most of it is normal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.encoders.base import Tokens
from looktwice.encoders.memory import MemoryBank, mutual_distances
from looktwice.encoders.self_reference import FLOOR, Field, describe, summarise

# A picture is as likely an anomaly as not when its deviations come to this; a place, at this many of them.
EVEN_ODDS, PLACE_EVEN_ODDS = 1.75, 3.0
# How much the largest deviations count before the others: at 0 all count alike, at infinity the largest alone.
SHARPNESS = 2.0
# A small flaw shows in so many of a picture's tokens; one that changes the whole picture, in their mean.
PEAK_SHARE = 0.002
# Spread that normal material has at the least, in logarithms of distances: few references may understate it.
LEAST_SPREAD = 0.01
# No single deviation counts for more standard deviations than so many.
LARGEST = 8.0
# Anomalous members widen what counts as usual in a cohort: its deviations say so much less than those from references.
COHORT_WEIGHT = 0.5


@dataclass(frozen=True)
class Described:
    """What a comparison keeps of pictures.

    Attributes
    ----------
    fields : tuple of Tensor, each (V, h, w, C), float16
        Unit-length tokens; fields may differ in grid.
    whole : Tensor, shape (V, D)
        Mean and spread of each picture's tokens: its overall look.
    deepest : tuple of bool
        Whether a field is the deepest of its look.
    """

    fields: tuple[Tensor, ...]
    whole: Tensor
    deepest: tuple[bool, ...]

    @staticmethod
    def of(tokens: Tokens, fine: Sequence[Field], coarse: Sequence[Field] = ()) -> Described:
        """Describe encoded pictures by fields on their own grid, and by others on half of it."""
        looks, fields = [], []
        for field in (*fine, *coarse):
            features = tokens.levels[field.level].float()
            looks += [F.normalize(features.mean(dim=1), dim=1), F.normalize(features.std(dim=1), dim=1)]
            described = describe(tokens, field)
            if field in coarse:
                described = F.normalize(F.avg_pool2d(described, 2, ceil_mode=True), dim=1)
            fields.append(described.movedim(1, -1).half())
        deepest = tuple(number == len(fields) for number in range(1, len(fields) + 1))
        return Described(tuple(fields), torch.cat(looks, dim=1), deepest)

    def rows(self, index: Sequence[int]) -> Described:
        """Keep some of the pictures."""
        picked = list(index)
        return Described(tuple(field[picked] for field in self.fields), self.whole[picked], self.deepest)

    @staticmethod
    def concatenate(parts: Sequence[Described]) -> Described:
        """Join successive batches."""
        fields = tuple(torch.cat(field) for field in zip(*(part.fields for part in parts), strict=True))
        return Described(fields, torch.cat([part.whole for part in parts]), parts[0].deepest)

    @staticmethod
    def joined(looks: Sequence[Sequence[Described]]) -> Described:
        """Join what several looks at the same pictures show, each in successive batches."""
        every = [Described.concatenate(parts) for parts in looks]
        fields = tuple(field for look in every for field in look.fields)
        deepest = tuple(flag for look in every for flag in look.deepest)
        return Described(fields, torch.cat([look.whole for look in every], dim=1), deepest)


class References:
    """A few normal pictures to compare with.

    Parameters
    ----------
    described : Described
        Of at least two normal pictures.
    turned : sequence of Described
        Of the same pictures, turned or mirrored: what lies otherwise than in the references is then no less normal.
    """

    def __init__(self, described: Described, turned: Sequence[Described] = ()) -> None:
        seen = [[field.float().flatten(1, 2) for field in one.fields] for one in (described, *turned)]
        self.banks = [MemoryBank(field, others) for field, *others in zip(*seen, strict=True)]
        grids = [field.shape[1:3] for field in described.fields]
        normal = [
            _logarithm(bank.levels_of_normal).unflatten(1, grid) for bank, grid in zip(self.banks, grids, strict=True)
        ]
        columns = _columns(normal, described.deepest)
        deep = compress(normal, described.deepest)
        self.place = [(maps.mean(), maps.std().clamp_min(LEAST_SPREAD)) for maps in deep]
        self.level = columns.mean(dim=0), columns.std(dim=0).clamp_min(LEAST_SPREAD)

    def compare(self, described: Described) -> tuple[Tensor, Tensor]:
        """Return map logits (V, h, w) and logits (V,) of pictures."""
        maps = [
            _logarithm(bank.distances(field.float().flatten(1, 2))).unflatten(1, field.shape[1:3])
            for bank, field in zip(self.banks, described.fields, strict=True)
        ]
        deviation = (_columns(maps, described.deepest) - self.level[0]) / self.level[1]
        deep = compress(maps, described.deepest)
        places = [(one - mean) / spread for one, (mean, spread) in zip(deep, self.place, strict=True)]
        return _joined(places, _finest(maps)) - PLACE_EVEN_ODDS, _alarm(deviation)


def compare_cohort(described: Described) -> tuple[Tensor, Tensor]:
    """Score each picture of a cohort by the others; map logits (V, h, w) and logits (V,)."""
    maps = [
        _logarithm(mutual_distances(field.flatten(1, 2))).unflatten(1, field.shape[1:3]) for field in described.fields
    ]
    places = [_robust(one.flatten()[:, None]).view_as(one) for one in compress(maps, described.deepest)]
    alarm = COHORT_WEIGHT * _alarm(_robust(_columns(maps, described.deepest)))
    return _joined(places, _finest(maps)) - PLACE_EVEN_ODDS, alarm


def _columns(maps: Sequence[Tensor], deepest: Sequence[bool]) -> Tensor:
    """Peaks of all fields' distances, and means of the deepest ones, (V, K).

    Means of shallow fields follow grain, light and sharpness, in which normal pictures differ most.
    """
    columns = []
    for one, is_deepest in zip(maps, deepest, strict=True):
        peak, mean = summarise(one[:, None], PEAK_SHARE).unbind(dim=1)
        columns += [peak, mean] if is_deepest else [peak]
    return torch.stack(columns, dim=1)


def _alarm(deviation: Tensor) -> Tensor:
    """Logits (V,) of deviations (V, K) in standard deviations, by the largest of them.

    A finding may show in the peaks of a single field, or shift the mean of a whole picture; which it is, differs from
    one material to another, and a sum would drown the deviation that shows it in the noise of the others. Few
    references understate how far normal ones differ, so that deviations count half.
    """
    clipped = SHARPNESS * deviation.clamp(-LARGEST, LARGEST)
    largest = (clipped.logsumexp(dim=1) - math.log(clipped.shape[1])) / SHARPNESS
    alarm: Tensor = (largest - EVEN_ODDS) / 2
    return alarm


def _finest(maps: Sequence[Tensor]) -> tuple[int, ...]:
    """Grid of the finest of maps (V, h_i, w_i)."""
    return max((tuple(one.shape[1:]) for one in maps), key=math.prod)


def _joined(maps: Sequence[Tensor], grid: tuple[int, ...]) -> Tensor:
    """Mean of maps (V, h_i, w_i) on one grid: those of the deepest fields.

    Shallow fields tell places apart by grain and light, which differ from one normal picture to another.
    """
    same = [F.interpolate(one[:, None], grid, mode="bilinear", align_corners=False)[:, 0] for one in maps]
    return torch.stack(same).mean(dim=0)


def _robust(columns: Tensor) -> Tensor:
    centre = columns.median(dim=0).values
    spread = 1.4826 * (columns - centre).abs().median(dim=0).values
    return (columns - centre) / spread.clamp_min(LEAST_SPREAD)


def _logarithm(distances: Tensor) -> Tensor:
    return torch.log(distances + FLOOR)
