"""Evidence from other photographs: a few normal ones (``--references``) or an unlabelled cohort (``--cohort``).

Distances mean nothing by themselves: how far apart two normal pictures lie depends on the material. Both comparisons
therefore count in standard deviations of what is normal here: among the references themselves, each measured against
the others; in a cohort, by its median and median absolute deviation, since most of it is normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.encoders.base import Tokens
from looktwice.encoders.memory import MemoryBank, describe_tokens, mutual_distances

FLOOR = 1e-3
# So many standard deviations above normal is as likely an anomaly as not.
EVEN_ODDS = 2.5
TOP_SHARE = 0.01
# Spread that normal material has at the least, in logarithms of distances: few references understate it.
LEAST_SPREAD = 0.05


@dataclass(frozen=True)
class Described:
    """What a comparison keeps of pictures.

    Attributes
    ----------
    tokens : Tensor, shape (V, N, C)
    whole : Tensor, shape (V, D)
        Mean and spread of each picture's tokens: its overall look.
    grid : (int, int)
    """

    tokens: Tensor
    whole: Tensor
    grid: tuple[int, int]

    @staticmethod
    def of(tokens: Tokens, levels: Sequence[int]) -> Described:
        """Describe encoded pictures by some of their levels."""
        looks = []
        for level in levels:
            features = tokens.levels[level].float()
            looks += [F.normalize(features.mean(dim=1), dim=1), F.normalize(features.std(dim=1), dim=1)]
        return Described(describe_tokens(tokens, levels), torch.cat(looks, dim=1), tokens.grid)

    @staticmethod
    def concatenate(parts: Sequence[Described]) -> Described:
        """Join successive batches."""
        return Described(
            torch.cat([part.tokens for part in parts]), torch.cat([part.whole for part in parts]), parts[0].grid
        )


class References:
    """A few normal pictures to compare with.

    Parameters
    ----------
    described : Described
        Of at least two normal pictures.
    """

    def __init__(self, described: Described) -> None:
        self.bank = MemoryBank(described.tokens)
        self.whole = described.whole
        normal = _logarithm(self.bank.levels_of_normal)
        self.token_level = normal.mean(), normal.std().clamp_min(LEAST_SPREAD)
        apart = torch.cdist(self.whole, self.whole).fill_diagonal_(float("inf")).amin(dim=1)
        columns = _summaries(normal, _logarithm(apart))
        self.level = columns.mean(dim=0), columns.std(dim=0).clamp_min(LEAST_SPREAD)

    def compare(self, described: Described) -> tuple[Tensor, Tensor]:
        """Return map logits (V, h, w) and logits (V,) of pictures."""
        distances = _logarithm(self.bank.distances(described.tokens))
        apart = _logarithm(torch.cdist(described.whole, self.whole).amin(dim=1))
        deviation = (_summaries(distances, apart) - self.level[0]) / self.level[1]
        maps = (distances - self.token_level[0]) / self.token_level[1]
        return maps.unflatten(1, described.grid) - EVEN_ODDS, deviation.mean(dim=1) - EVEN_ODDS


def compare_cohort(described: Described) -> tuple[Tensor, Tensor]:
    """Score each picture of a cohort by the others; map logits (V, h, w) and logits (V,)."""
    distances = _logarithm(mutual_distances(described.tokens))
    apart = torch.cdist(described.whole, described.whole).fill_diagonal_(float("inf"))
    nearest = apart.topk(max(1, round(0.3 * (len(apart) - 1))), dim=1, largest=False).values.mean(dim=1)
    deviation = _robust(_summaries(distances, _logarithm(nearest)))
    maps = _robust(distances.flatten()[:, None]).view_as(distances)
    return maps.unflatten(1, described.grid) - EVEN_ODDS, deviation.mean(dim=1) - EVEN_ODDS


def _summaries(distances: Tensor, apart: Tensor) -> Tensor:
    """Peak and mean of the tokens' distances, and the distance of the whole look, (V, 3)."""
    count = max(1, round(TOP_SHARE * distances.shape[1]))
    return torch.stack([distances.topk(count, dim=1).values.mean(dim=1), distances.mean(dim=1), apart], dim=1)


def _robust(columns: Tensor) -> Tensor:
    centre = columns.median(dim=0).values
    spread = 1.4826 * (columns - centre).abs().median(dim=0).values
    return (columns - centre) / spread.clamp_min(LEAST_SPREAD)


def _logarithm(distances: Tensor) -> Tensor:
    return torch.log(distances + FLOOR)
