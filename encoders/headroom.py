"""How plainly an anomaly could show in each field, and what a picture's deviations say in the light of that.

No field suits every material: the tokens of a shallow one repeat on a circuit board, so that anything new stands out,
and never on a grainy cloth; a deep one finds every board's layout new. Whether a field can show anything here needs no
anomaly to find out. The worst tokens of normal pictures lie some way from all that is known; tokens of unrelated things
lie as far as anything can. The room between the two, in standard deviations of what normal pictures reach, is the
field's headroom.

Fields are joined place by place before the worst places are looked for, weighed by headroom: what is amiss shows in
several fields at one place, chance does not. Of the joined map's worst places, and of each deepest field's mean, it is
then asked how much likelier their deviations are for an anomaly, which goes some of the way to unrelated things, than
for a normal picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# A small flaw shows in so many of a picture's tokens; one that changes the whole picture, in their mean.
PEAK_SHARE = 0.002
# An anomaly goes so much of the way from what is normal to unrelated things: in its worst places, and in its mean.
PEAK_REACH, MEAN_REACH = 0.3, 0.03
# No anomaly is expected to deviate by more standard deviations, nor does more headroom give a field more weight.
STRONGEST, MOST_HEADROOM = 3.0, 5.0
# Weight of a field without headroom: nothing else decides where no field has any.
LEAST_WEIGHT = 1e-6
# Spread that normal material has at the least, in logarithms or in standard deviations of tokens: few pictures may
# understate it.
LEAST_SPREAD = 0.02
# Deviations count no further than this.
LOWEST, LARGEST = -3.0, 8.0
# The middle and spread of few pictures are uncertain: evidence counts so many times less, before the parts are joined.
DOUBT = 2.0


class Scale(NamedTuple):
    """Where values lie that are normal."""

    middle: Tensor
    spread: Tensor

    def deviations(self, values: Tensor) -> Tensor:
        """Count values in standard deviations from the middle."""
        return (values - self.middle) / self.spread.clamp_min(LEAST_SPREAD)


Measure = Callable[[Tensor], Scale]
"""Measures the columns (V, K) of pictures that are all normal, or most of them."""


def mean_and_spread(columns: Tensor) -> Scale:
    """Measure pictures that are all normal."""
    return Scale(columns.mean(dim=0), columns.std(dim=0))


def median_and_spread(columns: Tensor) -> Scale:
    """Measure pictures most of which are normal, by the median absolute deviation."""
    middle = columns.median(dim=0).values
    return Scale(middle, 1.4826 * (columns - middle).abs().median(dim=0).values)


@dataclass(frozen=True)
class Normal:
    """What is normal here, and what anomalies would do to it.

    Attributes
    ----------
    tokens : tuple of Scale
        Of each field's tokens.
    weights : tuple of float
        Of the fields, where they are joined.
    deepest : tuple of bool
        Whose mean counts by itself.
    pictures : Scale, of shape (K,)
        Of the columns of pictures: the joined map's peak, then the deepest fields' means.
    lifts : Tensor, shape (K,)
        By how many standard deviations an anomaly lifts each column.
    """

    tokens: tuple[Scale, ...]
    weights: tuple[float, ...]
    deepest: tuple[bool, ...]
    pictures: Scale
    lifts: Tensor

    @staticmethod
    def of(maps: Sequence[Tensor], deepest: Sequence[bool], unrelated: Sequence[Tensor] | None, how: Measure) -> Normal:
        """Measure what is normal.

        Parameters
        ----------
        maps : sequence of Tensor, each (V, h_i, w_i)
            Log-distances of pictures, all or most of them normal, to what is known, field by field.
        deepest : sequence of bool
            Whether a field is the deepest of its look.
        unrelated : sequence of Tensor, each (M_i,), optional
            Those of tokens of unrelated things. Without them all fields count alike, and anomalies are expected at the
            strongest.
        how : Measure
        """
        tokens = tuple(Scale(one.mean(), one.std()) for one in maps)
        far = None if unrelated is None else torch.stack([one.mean() for one in unrelated])
        weights = (1.0,) * len(maps)
        if far is not None:
            headroom = how(torch.stack([_peaks(one) for one in maps], dim=1)).deviations(far)
            weights = tuple((headroom.clamp(0, MOST_HEADROOM).square() + LEAST_WEIGHT).tolist())
        columns = _columns(_standardised(maps, tokens), weights, deepest)
        pictures = how(columns)
        lifts = torch.full_like(pictures.middle, STRONGEST)
        if far is not None:
            away = torch.stack([scale.deviations(place) for scale, place in zip(tokens, far, strict=True)])
            joined = (away * away.new_tensor(weights)).sum() / sum(weights)
            reach = away.new_tensor([PEAK_REACH] + [MEAN_REACH] * sum(deepest))
            room = pictures.deviations(torch.stack([joined, *compress(away, deepest)]))
            lifts = (reach * room).clamp(0, STRONGEST)
        return Normal(tokens, weights, tuple(deepest), pictures, lifts)

    def places(self, maps: Sequence[Tensor]) -> Tensor:
        """Join the log-distances (V, h_i, w_i) of pictures in one map (V, h, w), in standard deviations of tokens."""
        return _joined(_standardised(maps, self.tokens), self.weights)

    def evidence(self, maps: Sequence[Tensor]) -> Tensor:
        """Return how much more pictures (V,) look like anomalies than like normal ones, as logarithms of odds."""
        columns = _columns(_standardised(maps, self.tokens), self.weights, self.deepest)
        deviations = self.pictures.deviations(columns).clamp(LOWEST, LARGEST)
        likelier = deviations * self.lifts - self.lifts.square() / 2
        # An anomaly shows in one column or another.
        either: Tensor = DOUBT * ((likelier / DOUBT).logsumexp(dim=1) - math.log(likelier.shape[1]))
        return either


def _standardised(maps: Sequence[Tensor], tokens: Sequence[Scale]) -> list[Tensor]:
    return [scale.deviations(one) for one, scale in zip(maps, tokens, strict=True)]


def _columns(maps: Sequence[Tensor], weights: Sequence[float], deepest: Sequence[bool]) -> Tensor:
    """Peak of the joined map, and means of the deepest fields, (V, K).

    Means of shallow fields follow grain, light and sharpness, in which normal pictures differ most.
    """
    means = [one.flatten(1).mean(dim=1) for one in compress(maps, deepest)]
    return torch.stack([_peaks(_joined(maps, weights)), *means], dim=1)


def _peaks(maps: Tensor) -> Tensor:
    flat = maps.flatten(1)
    return flat.topk(max(1, round(PEAK_SHARE * flat.shape[1])), dim=1).values.mean(dim=1)


def _joined(maps: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Weighted mean of maps (V, h_i, w_i) on the finest of their grids."""
    grid = max((tuple(one.shape[1:]) for one in maps), key=math.prod)
    same = [F.interpolate(one[:, None], grid, mode="bilinear", align_corners=False)[:, 0] for one in maps]
    return torch.stack([weight * one for weight, one in zip(weights, same, strict=True)]).sum(dim=0) / sum(weights)
