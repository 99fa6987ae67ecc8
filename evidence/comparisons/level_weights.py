"""How plainly an anomaly could show in each field, and what a picture's deviations say in the light of that.

No field suits every material: the tokens of a shallow one repeat on a circuit board, so that anything new stands out,
and never on a grainy cloth; a deep one finds every board's layout new. Whether a field can show anything here needs no
anomaly to find out. The worst tokens of normal pictures lie some way from all that is known; tokens of unrelated things
lie as far as anything can. The room between the two, in logarithms of distance, is the field's headroom. It is not
counted in standard deviations of what normal pictures reach: eight pictures often show half or twice the true one.

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
PEAK_REACH, MEAN_REACH = 0.3, 0.02
# No anomaly is expected to deviate by more standard deviations.
STRONGEST = 3.0
# A field's weight is this power of its headroom: one with much room says more than several with some. More headroom
# than this gives no more weight.
HEADROOM_POWER, MOST_HEADROOM = 3, 0.5
# Weight of a field without headroom: nothing else decides where no field has any.
LEAST_WEIGHT = 1e-9
# Spread that normal material has at the least, in logarithms or in standard deviations of tokens: few pictures may
# understate it.
LEAST_SPREAD = 0.02
# Deviations count no further than this.
LOWEST, LARGEST = -3.0, 8.0
# The middle and spread of few pictures are uncertain: evidence counts so many times less, before the parts are joined.
TEMPERATURE = 2.0


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
    effect_sizes : Tensor, shape (K,)
        By how many standard deviations an anomaly effect_sizes each column.
    """

    tokens: tuple[Scale, ...]
    weights: tuple[float, ...]
    deepest: tuple[bool, ...]
    pictures: Scale
    effect_sizes: Tensor

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
            worst = how(torch.stack([_peaks(one) for one in maps], dim=1)).middle
            weights = tuple(((far - worst).clamp(0, MOST_HEADROOM) ** HEADROOM_POWER + LEAST_WEIGHT).tolist())
        standard = _standardised(maps, tokens)
        pictures = how(_columns(_joined(standard, weights), standard, deepest))
        effect_sizes = torch.full_like(pictures.middle, STRONGEST)
        if far is not None:
            away = torch.stack([scale.deviations(place) for scale, place in zip(tokens, far, strict=True)])
            joined = (away * away.new_tensor(weights)).sum() / sum(weights)
            reach = away.new_tensor([PEAK_REACH] + [MEAN_REACH] * sum(deepest))
            room = pictures.deviations(torch.stack([joined, *compress(away, deepest)]))
            effect_sizes = (reach * room).clamp(0, STRONGEST)
        return Normal(tokens, weights, tuple(deepest), pictures, effect_sizes)

    def judge(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Judge pictures by their log-distances to what is known.

        Parameters
        ----------
        maps : sequence of Tensor, each (V, h_i, w_i)

        Returns
        -------
        places : Tensor, shape (V, h, w)
            The fields joined on the finest of their grids, in standard deviations of tokens.
        evidence : Tensor, shape (V,)
            How much more the pictures look like anomalies than like normal ones, as logarithms of odds.
        """
        standard = _standardised(maps, self.tokens)
        places = _joined(standard, self.weights)
        deviations = self.pictures.deviations(_columns(places, standard, self.deepest)).clamp(LOWEST, LARGEST)
        likelier = deviations * self.effect_sizes - self.effect_sizes.square() / 2
        # An anomaly shows in one column or another.
        return places, TEMPERATURE * ((likelier / TEMPERATURE).logsumexp(dim=1) - math.log(likelier.shape[1]))


def _standardised(maps: Sequence[Tensor], tokens: Sequence[Scale]) -> list[Tensor]:
    return [scale.deviations(one) for one, scale in zip(maps, tokens, strict=True)]


def _columns(joined: Tensor, maps: Sequence[Tensor], deepest: Sequence[bool]) -> Tensor:
    """Peak of the joined map (V, h, w), and means of the deepest fields, (V, K).

    Means of shallow fields follow grain, light and sharpness, in which normal pictures differ most.
    """
    means = [one.flatten(1).mean(dim=1) for one in compress(maps, deepest)]
    return torch.stack([_peaks(joined), *means], dim=1)


def _peaks(maps: Tensor) -> Tensor:
    flat = maps.flatten(1)
    return flat.topk(max(1, round(PEAK_SHARE * flat.shape[1])), dim=1).values.mean(dim=1)


def _joined(maps: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Weighted mean of maps (V, h_i, w_i) on the finest of their grids."""
    grid = max((tuple(one.shape[1:]) for one in maps), key=math.prod)
    same = [F.interpolate(one[:, None], grid, mode="bilinear", align_corners=False)[:, 0] for one in maps]
    return torch.stack([weight * one for weight, one in zip(weights, same, strict=True)]).sum(dim=0) / sum(weights)
