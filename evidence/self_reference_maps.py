"""Self-reference maps: how much each patch differs from the rest of its own view.

They need no training and no other study. Each feature level gives two maps of distances between unit-length tokens:

- ``nearest``: mean distance to about the five nearest tokens elsewhere in the view; high for what occurs only once;
- ``surround``: distance to the mean of the surrounding tokens; high for what stands out locally.

Each map is summarised by its peak and its mean. Linear probes combine them (see ``probes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.tokens import Tokens
from looktwice.evidence.settings import DEFAULTS, SelfReferenceSettings

MAPS = ("nearest", "surround")
STATISTICS = ("top", "mean")


class FeatureLevel(NamedTuple):
    """A feature level: the tokens of one encoder level, smoothed over neighbouring tokens.

    Attributes
    ----------
    level : int
        Index into ``Tokens.levels``.
    smooth : int
        Side of the square of tokens that is averaged, odd; 1 for no smoothing.

    Examples
    --------
    The second encoder level, averaged over squares of three by three tokens:

    >>> level = torch.rand(2, 16, 8)
    >>> describe(Tokens(level, [level, level], grid=(4, 4)), FeatureLevel(level=1, smooth=3)).shape
    torch.Size([2, 8, 4, 4])
    """

    level: int
    smooth: int


def self_reference_maps(
    tokens: Tokens, fields: Sequence[FeatureLevel], settings: SelfReferenceSettings = DEFAULTS.self_reference
) -> Tensor:
    """Return the log distance of each token to the rest of its view, for each feature level and kind of map.

    Parameters
    ----------
    tokens : Tokens
        Of V views.
    fields : sequence of FeatureLevel
        Feature levels to use.
    settings : SelfReferenceSettings

    Returns
    -------
    Tensor, float32, shape (V, len(fields) · len(MAPS), h, w)
        Level by level, in the order of ``MAPS``.
    """
    excluded = _near(tokens.grid, tokens.final.device, settings.excluded_share)
    maps = []
    for field in fields:
        described = describe(tokens, field)
        maps += [_nearest(described, excluded, settings.num_neighbors), _surround(described, settings.surround)]
    return torch.log(torch.stack(maps, dim=1) + settings.distance_floor)


def describe(tokens: Tokens, field: FeatureLevel) -> Tensor:
    """Return the unit-length tokens of a feature level, shape (V, C, h, w)."""
    level = tokens.levels[field.level].float().transpose(1, 2).unflatten(2, tokens.grid)
    if field.smooth > 1:
        level = F.avg_pool2d(level, field.smooth, stride=1, padding=field.smooth // 2, count_include_pad=False)
    return F.normalize(level, dim=1)


def summarise(maps: Tensor, top_share: float = DEFAULTS.self_reference.top_share) -> Tensor:
    """Return the statistics (V, K · len(STATISTICS)) of maps (V, K, h, w): of each map, its peak and its mean."""
    flat = maps.flatten(2)
    count = max(1, round(top_share * flat.shape[2]))
    return torch.stack([flat.topk(count, dim=2).values.mean(dim=2), flat.mean(dim=2)], dim=2).flatten(1)


@lru_cache(maxsize=8)
def _near(grid: tuple[int, int], device: torch.device, excluded_share: float) -> Tensor:
    """Return which pairs of tokens are too close on the grid to be neighbours, bool (N, N)."""
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], dim=1).float()
    radius = max(1, round(excluded_share * min(grid)))
    return (torch.cdist(places, places, p=float("inf")) <= radius).to(device)


def _nearest(field: Tensor, excluded: Tensor, neighbors: int) -> Tensor:
    flat = field.flatten(2)
    similarity = (flat.transpose(1, 2) @ flat).masked_fill_(excluded, -1.0)
    # The nearest of each of five interleaved groups approximates the five nearest, without sorting; so with any number.
    padded = F.pad(similarity, (0, -similarity.shape[2] % neighbors), value=-1.0)
    nearest = padded.unflatten(2, (-1, neighbors)).amax(dim=2)
    # Between unit vectors |a − b|² = 2 − 2 a·b.
    distances: Tensor = (2 - 2 * nearest).clamp_min(0).sqrt().mean(dim=2).unflatten(1, field.shape[2:])
    return distances


def _surround(field: Tensor, side: int) -> Tensor:
    pad = side // 2
    padded = F.pad(field, (pad, pad, pad, pad), mode="replicate")
    surround = F.avg_pool2d(padded, side, stride=1)
    distances: Tensor = torch.linalg.vector_norm(field - surround, dim=1)
    return distances
