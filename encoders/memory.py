"""Comparison with other studies: a memory bank of a few normal ones, or mutual scoring of an unlabelled cohort.

``MemoryBank`` follows PatchCore (Roth et al., CVPR 2022): neighbourhood-averaged tokens of two levels, thinned to a
coreset, and the distance of each token to its nearest memory. ``mutual_distances`` follows MuSc (Li et al., ICLR
2024): in a cohort most material is normal, so a normal token finds near neighbours in many other members.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.encoders.base import Tokens

# Tokens kept of all references: enough for eight 324-token views whole.
CORESET = 4096
# A token is compared with this share of the cohort, the members that hold its nearest neighbours.
COHORT_SHARE = 0.3


def describe_tokens(tokens: Tokens, levels: Sequence[int]) -> Tensor:
    """Neighbourhood-averaged tokens of some levels, each level of unit length, (V, N, ΣC_i) float32."""
    parts = []
    for level in levels:
        field = tokens.levels[level].float().transpose(1, 2).unflatten(2, tokens.grid)
        field = F.avg_pool2d(field, 3, stride=1, padding=1, count_include_pad=False)
        parts.append(F.normalize(field, dim=1).flatten(2).transpose(1, 2))
    return torch.cat(parts, dim=-1)


class MemoryBank:
    """Tokens of normal studies, to measure others against.

    Parameters
    ----------
    references : Tensor, shape (V, N, C)
        Described tokens of normal views.
    size : int
        How many tokens are kept, by farthest-point sampling; all where there are fewer.
    """

    def __init__(self, references: Tensor, size: int = CORESET) -> None:
        self.memory = farthest_points(references.flatten(0, 1), size)
        self.levels_of_normal = self._leave_one_out(references)

    def distances(self, described: Tensor) -> Tensor:
        """Distance of each token (V, N, C) to the nearest memory, (V, N)."""
        return torch.stack([torch.cdist(view, self.memory).amin(dim=1) for view in described])

    @staticmethod
    def _leave_one_out(references: Tensor) -> Tensor:
        """Distances that each reference would get from the others, (V, N): what is normal here."""
        if len(references) < 2:
            half = references.shape[1] // 2
            return torch.cdist(references[:, :half], references[:, half:]).amin(dim=2)
        rows = []
        for index, view in enumerate(references):
            others = torch.cat([references[:index], references[index + 1 :]]).flatten(0, 1)
            rows.append(torch.cdist(view, others).amin(dim=1))
        return torch.stack(rows)


def farthest_points(points: Tensor, size: int) -> Tensor:
    """Thin points (M, C) to `size` by greedy farthest-point sampling (k-centre), which keeps the rare ones."""
    if len(points) <= size:
        return points
    # Distances in a random projection are good enough to choose by, and much cheaper.
    generator = torch.Generator().manual_seed(0)
    projection = torch.randn(points.shape[1], 32, generator=generator).to(points.device) / 32**0.5
    small = points @ projection
    chosen = torch.empty(size, dtype=torch.long)
    nearest = torch.full((len(points),), float("inf"), device=points.device)
    pick = 0
    for position in range(size):
        chosen[position] = pick
        nearest = torch.minimum(nearest, (small - small[pick]).square().sum(dim=1))
        pick = int(nearest.argmax())
    return points[chosen]


def mutual_distances(described: Tensor, share: float = COHORT_SHARE) -> Tensor:
    """Score each member of a cohort by the others.

    Parameters
    ----------
    described : Tensor, shape (V, N, C)
        One view for each member, V at least 3.
    share : float
        Share of the other members whose nearest tokens are averaged.

    Returns
    -------
    Tensor, shape (V, N)
    """
    members, count, _ = described.shape
    kept = max(1, round(share * (members - 1)))
    flat = described.flatten(0, 1)
    rows = []
    for index, view in enumerate(described):
        nearest = torch.cdist(view, flat).view(count, members, count).amin(dim=2)
        nearest[:, index] = float("inf")
        rows.append(nearest.topk(kept, dim=1, largest=False).values.mean(dim=1))
    return torch.stack(rows)
