"""The study as its own reference: how unlike the rest of its own view each token is.

No training and no other study is needed. Two maps per field of tokens, all of unit length:

- ``nearest``: mean distance to about the five nearest tokens elsewhere in the view (what occurs nowhere else);
- ``surround``: distance to the mean of the surrounding tokens (what stands out locally).

Each map is summed up by two statistics; small learnt heads weigh them (see ``fusion``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.tokens import Tokens

MAPS = ("nearest", "surround")
STATISTICS = ("top", "mean")

NEIGHBOURS = 5
TOP_SHARE = 0.01
# Tokens closer than this share of the grid's side are not "elsewhere": they see the same pixels, or the same anomaly.
EXCLUDED_SHARE = 1 / 9
SURROUND = 7
# Added before a logarithm; about the distance between two copies of one texture.
FLOOR = 1e-2


class FeatureLevel(NamedTuple):
    """Tokens to compare: those of one encoder level, averaged over their neighbourhood.

    Attributes
    ----------
    level : int
        Index into ``Tokens.levels``.
    smooth : int
        Odd side of the square of tokens that is averaged; 1 keeps the finest detail.
    """

    level: int
    smooth: int


def self_reference_maps(tokens: Tokens, fields: Sequence[FeatureLevel]) -> Tensor:
    """Log-distance of each token to its own view, for each field and kind of map.

    Parameters
    ----------
    tokens : Tokens
        Of V views.
    fields : sequence of FeatureLevel

    Returns
    -------
    Tensor, float32, shape (V, len(fields) · len(MAPS), h, w)
        Level by level, in the order of ``MAPS``.
    """
    excluded = _near(tokens.grid, tokens.final.device)
    maps = []
    for field in fields:
        described = describe(tokens, field)
        maps += [_nearest(described, excluded), _surround(described)]
    return torch.log(torch.stack(maps, dim=1) + FLOOR)


def describe(tokens: Tokens, field: FeatureLevel) -> Tensor:
    """Return the unit-length tokens of a field, (V, C, h, w)."""
    level = tokens.levels[field.level].float().transpose(1, 2).unflatten(2, tokens.grid)
    if field.smooth > 1:
        level = F.avg_pool2d(level, field.smooth, stride=1, padding=field.smooth // 2, count_include_pad=False)
    return F.normalize(level, dim=1)


def summarise(maps: Tensor, top_share: float = TOP_SHARE) -> Tensor:
    """Statistics (V, K · len(STATISTICS)) of maps (V, K, h, w), map by map in the order of ``STATISTICS``."""
    flat = maps.flatten(2)
    count = max(1, round(top_share * flat.shape[2]))
    return torch.stack([flat.topk(count, dim=2).values.mean(dim=2), flat.mean(dim=2)], dim=2).flatten(1)


@lru_cache(maxsize=8)
def _near(grid: tuple[int, int], device: torch.device) -> Tensor:
    """Which pairs of tokens are too close on the grid to count as elsewhere, bool (N, N)."""
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], dim=1).float()
    radius = max(1, round(EXCLUDED_SHARE * min(grid)))
    return (torch.cdist(places, places, p=float("inf")) <= radius).to(device)


def _nearest(field: Tensor, excluded: Tensor) -> Tensor:
    flat = field.flatten(2)
    similarity = (flat.transpose(1, 2) @ flat).masked_fill_(excluded, -1.0)
    # The best of each of five interleaved groups: nearly the five best of all, without sorting.
    padded = F.pad(similarity, (0, -similarity.shape[2] % NEIGHBOURS), value=-1.0)
    nearest = padded.unflatten(2, (-1, NEIGHBOURS)).amax(dim=2)
    # Between unit vectors |a − b|² = 2 − 2 a·b.
    distances: Tensor = (2 - 2 * nearest).clamp_min(0).sqrt().mean(dim=2).unflatten(1, field.shape[2:])
    return distances


def _surround(field: Tensor) -> Tensor:
    pad = SURROUND // 2
    padded = F.pad(field, (pad, pad, pad, pad), mode="replicate")
    surround = F.avg_pool2d(padded, SURROUND, stride=1)
    distances: Tensor = torch.linalg.vector_norm(field - surround, dim=1)
    return distances
