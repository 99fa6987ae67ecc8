"""The study as its own reference: how unlike the rest of its own view each token is.

No training and no other study is needed. Three maps per encoder level, on neighbourhood-averaged, unit-length tokens:

- ``nearest``: mean distance to the five nearest tokens elsewhere in the view (a token that occurs nowhere else);
- ``mirror``: distance to the tokens at the mirrored place (bilateral anatomy, symmetric parts);
- ``surround``: distance to the mean of the surrounding tokens (what stands out locally).

Each map is summed up by a few statistics; a small learnt head weighs them (see ``fusion``).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.encoders.base import Tokens

MAPS = ("nearest", "mirror", "surround")
STATISTICS = ("max", "top", "mean", "median")

NEIGHBOURS = 5
TOP_SHARE = 0.1
# Tokens this close on the grid are not "elsewhere": they see the same pixels, or the same anomaly.
EXCLUDED_RADIUS = 3
SURROUND = 7
# Added before a logarithm; about the distance between two copies of one texture.
FLOOR = 1e-3


def self_reference_maps(tokens: Tokens, levels: Sequence[int]) -> Tensor:
    """Log-distance of each token to its own view, for each level and kind of map.

    Parameters
    ----------
    tokens : Tokens
        Of V views.
    levels : sequence of int
        Which of ``tokens.levels`` to use.

    Returns
    -------
    Tensor, float32, shape (V, len(levels) · len(MAPS), h, w)
        Level by level, in the order of ``MAPS``.
    """
    excluded = _near(tokens.grid, tokens.final.device)
    maps = []
    for level in levels:
        field = _neighbourhood(tokens.levels[level].float(), tokens.grid)
        maps += [_nearest(field, excluded), _mirror(field), _surround(field)]
    return torch.log(torch.stack(maps, dim=1) + FLOOR)


def summarise(maps: Tensor) -> Tensor:
    """Statistics (V, K · len(STATISTICS)) of maps (V, K, h, w), map by map in the order of ``STATISTICS``."""
    flat = maps.flatten(2)
    ordered = flat.sort(dim=2, descending=True).values
    count = flat.shape[2]
    statistics = [
        ordered[..., 0],
        ordered[..., : max(1, round(TOP_SHARE * count))].mean(dim=2),
        flat.mean(dim=2),
        ordered[..., count // 2],
    ]
    return torch.stack(statistics, dim=2).flatten(1)


def _near(grid: tuple[int, int], device: torch.device) -> Tensor:
    """Which pairs of tokens are too close on the grid to count as elsewhere, bool (N, N)."""
    rows, columns = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], dim=1).float()
    return (torch.cdist(places, places, p=float("inf")) <= EXCLUDED_RADIUS).to(device)


def _neighbourhood(level: Tensor, grid: tuple[int, int]) -> Tensor:
    """Average over 3 × 3 tokens and scale to unit length: (V, N, C) → (V, C, h, w)."""
    field = level.transpose(1, 2).unflatten(2, grid)
    return F.normalize(F.avg_pool2d(field, 3, stride=1, padding=1, count_include_pad=False), dim=1)


def _nearest(field: Tensor, excluded: Tensor) -> Tensor:
    flat = field.flatten(2)
    similarity = (flat.transpose(1, 2) @ flat).masked_fill_(excluded, -1.0)
    nearest = similarity.topk(NEIGHBOURS, dim=2, sorted=False).values
    # Between unit vectors |a − b|² = 2 − 2 a·b.
    distances: Tensor = (2 - 2 * nearest).clamp_min(0).sqrt().mean(dim=2).unflatten(1, field.shape[2:])
    return distances


def _mirror(field: Tensor) -> Tensor:
    distances: Tensor = torch.linalg.vector_norm(field - field.flip(3), dim=1)
    return distances


def _surround(field: Tensor) -> Tensor:
    pad = SURROUND // 2
    padded = F.pad(field, (pad, pad, pad, pad), mode="replicate")
    surround = F.avg_pool2d(padded, SURROUND, stride=1)
    distances: Tensor = torch.linalg.vector_norm(field - surround, dim=1)
    return distances
