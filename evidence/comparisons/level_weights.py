"""Weights of feature levels by headroom, and the log-likelihood ratio of an image's z-scores.

No feature level suits every material. On a circuit board, shallow tokens repeat, so anything new stands out; on grainy
cloth, they never do. Deep tokens find the layout of every board new. No anomaly is needed to find out which level can
show one. The most unusual patches of normal images have some distance to the memory bank; patches of unrelated images
are as far away as anything can be. The gap between the two, in log distance, is the level's *headroom*. It is not
measured in standard deviations, because the estimate from eight images is often off by a factor of two.

Maps are averaged over feature levels, weighted by headroom, before peaks are taken: an anomaly shows at several levels
at the same place, noise does not. The peak of the averaged map and the mean of each deepest level then give a
log-likelihood ratio. An anomaly is modelled as a shift from the normal mean towards the value of unrelated images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.statistics import MAD_TO_SD
from looktwice.evidence.settings import DEFAULTS, LevelWeightSettings


class Scale(NamedTuple):
    """Location and scale of normal values: mean and standard deviation, or robust estimates of them.

    Examples
    --------
    >>> usual = mean_and_spread(torch.tensor([[1.0], [2.0], [3.0]]))
    >>> usual.deviations(torch.tensor([2.0, 5.0]), least_spread=0.02).tolist()
    [0.0, 3.0]
    """

    middle: Tensor
    spread: Tensor

    def deviations(self, values: Tensor, least_spread: float) -> Tensor:
        """Return the z-scores of values; the spread is taken for no less than `least_spread`."""
        return (values - self.middle) / self.spread.clamp_min(least_spread)


Measure = Callable[[Tensor], Scale]
"""Estimates location and scale of each column (V, K), over images that are all normal, or most of them."""


def mean_and_spread(columns: Tensor) -> Scale:
    """Return mean and standard deviation, for images that are all normal."""
    return Scale(columns.mean(dim=0), columns.std(dim=0))


def median_and_spread(columns: Tensor) -> Scale:
    """Return median and scaled median absolute deviation, for images most of which are normal."""
    middle = columns.median(dim=0).values
    return Scale(middle, MAD_TO_SD * (columns - middle).abs().median(dim=0).values)


@dataclass(frozen=True)
class Normal:
    """The normal distribution of distances, and how far anomalies are expected to shift it.

    Attributes
    ----------
    tokens : tuple of Scale
        Of the tokens of each feature level.
    weights : tuple of float
        Of the feature levels in the averaged map.
    deepest : tuple of bool
        Whether a feature level is the deepest of its encoder pass; its mean is then a statistic of its own.
    pictures : Scale, of shape (K,)
        Of the K image statistics: the peak of the averaged map, then the means of the deepest levels.
    effect_sizes : Tensor, shape (K,)
        Expected shift of each statistic by an anomaly, in standard deviations.
    settings : LevelWeightSettings

    Examples
    --------
    An image with one distant token is likelier an anomaly than the normal ones:

    >>> maps = torch.randn(9, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> normal = Normal.of([maps], deepest=[True], unrelated=None, how=mean_and_spread)
    >>> strange = maps[:1].clone()
    >>> strange[0, 3, 5] = 9
    >>> places, evidence = normal.judge([torch.cat([maps, strange])])
    >>> int(evidence.argmax()), int(places[9].argmax()) == 3 * 8 + 5
    (9, True)
    """

    tokens: tuple[Scale, ...]
    weights: tuple[float, ...]
    deepest: tuple[bool, ...]
    pictures: Scale
    effect_sizes: Tensor
    settings: LevelWeightSettings

    @staticmethod
    def of(
        maps: Sequence[Tensor],
        deepest: Sequence[bool],
        unrelated: Sequence[Tensor] | None,
        how: Measure,
        settings: LevelWeightSettings = DEFAULTS.level_weights,
    ) -> Normal:
        """Estimate the normal distribution.

        Parameters
        ----------
        maps : sequence of Tensor, each (V, h_i, w_i)
            Log distances of the tokens of V images, all or most of them normal, at each feature level.
        deepest : sequence of bool
            Whether a feature level is the deepest of its encoder pass.
        unrelated : sequence of Tensor, each (M_i,), optional
            Log distances of tokens of unrelated images. Without them, all levels have the same weight, and the expected
            shift is the largest effect.
        how : Measure
            How to estimate location and scale.
        settings : LevelWeightSettings
        """
        tokens = tuple(Scale(one.mean(), one.std()) for one in maps)
        far = None if unrelated is None else torch.stack([one.mean() for one in unrelated])
        weights = (1.0,) * len(maps)
        if far is not None:
            worst = how(torch.stack([_peaks(one, settings.peak_share) for one in maps], dim=1)).middle
            headroom = (far - worst).clamp(0, settings.most_headroom)
            weights = tuple((headroom**settings.headroom_power + settings.least_weight).tolist())
        standard = _standardised(maps, tokens, settings.least_spread)
        pictures = how(_columns(_joined(standard, weights), standard, deepest, settings.peak_share))
        effect_sizes = torch.full_like(pictures.middle, settings.largest_effect)
        if far is not None:
            away = torch.stack(_standardised(far, tokens, settings.least_spread))
            joined = (away * away.new_tensor(weights)).sum() / sum(weights)
            reach = away.new_tensor([settings.peak_reach] + [settings.mean_reach] * sum(deepest))
            room = pictures.deviations(torch.stack([joined, *compress(away, deepest)]), settings.least_spread)
            effect_sizes = (reach * room).clamp(0, settings.largest_effect)
        return Normal(tokens, weights, tuple(deepest), pictures, effect_sizes, settings)

    def judge(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Score images by the log distances of their tokens.

        Parameters
        ----------
        maps : sequence of Tensor, each (V, h_i, w_i)
            Log distances at each feature level.

        Returns
        -------
        places : Tensor, shape (V, h, w)
            Weighted mean of the z-scores over feature levels, on the finest of their grids.
        evidence : Tensor, shape (V,)
            Log-likelihood ratio of "anomalous" to "normal".
        """
        settings = self.settings
        standard = _standardised(maps, self.tokens, settings.least_spread)
        places = _joined(standard, self.weights)
        columns = _columns(places, standard, self.deepest, settings.peak_share)
        deviations = self.pictures.deviations(columns, settings.least_spread)
        deviations = deviations.clamp(settings.lowest_z, settings.largest_z)
        likelier = deviations * self.effect_sizes - self.effect_sizes.square() / 2
        # An anomaly shifts one statistic or another: the likelihood ratios are averaged.
        mean = (likelier / settings.temperature).logsumexp(dim=1) - math.log(likelier.shape[1])
        return places, settings.temperature * mean


def _standardised(maps: Iterable[Tensor], tokens: Sequence[Scale], least_spread: float) -> list[Tensor]:
    return [scale.deviations(one, least_spread) for one, scale in zip(maps, tokens, strict=True)]


def _columns(joined: Tensor, maps: Sequence[Tensor], deepest: Sequence[bool], peak_share: float) -> Tensor:
    """Return the image statistics (V, K): peak of the averaged map (V, h, w), and means of the deepest levels.

    Means of shallow levels are left out: they depend on grain, light and sharpness, in which normal images differ most.
    """
    means = [one.flatten(1).mean(dim=1) for one in compress(maps, deepest)]
    return torch.stack([_peaks(joined, peak_share), *means], dim=1)


def _peaks(maps: Tensor, share: float) -> Tensor:
    flat = maps.flatten(1)
    return flat.topk(max(1, round(share * flat.shape[1])), dim=1).values.mean(dim=1)


def _joined(maps: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Return the weighted mean of maps (V, h_i, w_i), on the finest of their grids."""
    grid = max((tuple(one.shape[1:]) for one in maps), key=math.prod)
    same = [F.interpolate(one[:, None], grid, mode="bilinear", align_corners=False)[:, 0] for one in maps]
    return torch.stack([weight * one for weight, one in zip(weights, same, strict=True)]).sum(dim=0) / sum(weights)
