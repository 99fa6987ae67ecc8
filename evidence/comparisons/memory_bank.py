"""Comparison with other studies: a memory bank of a few normal ones, or mutual scoring of an unlabelled cohort.

``MemoryBank`` follows PatchCore (Roth et al., CVPR 2022): tokens of normal pictures, thinned to a coreset, and the
distance of each token to its nearest memory. As in AnomalyDINO (Damm et al., WACV 2025), a picture may be remembered
turned and mirrored too. ``mutual_distances`` follows MuSc (Li et al., ICLR 2024): in a cohort most
material is normal, so a normal token finds near neighbours in many other members. Tokens have unit length.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Tokens of one field that are kept of all references, and of each at the least.
CORESET = 6000
LEAST_KEPT = 100
# A member of a cohort is compared with so many others, so that cost does not grow with the cohort's square; each of its
# tokens with this share of them, the members that hold its nearest neighbours.
COMPARED = 40
COHORT_SHARE = 0.3


class MemoryBank:
    """Tokens of normal studies, to measure others against.

    Each view is thinned by itself, so that what the others remember of it, leaving it out, is measured against as many
    tokens of each as a new view is.

    Parameters
    ----------
    references : Tensor, shape (V, N, C)
        PatchFeatures tokens of normal views.
    turned : sequence of Tensor, each of shape (V, N, C)
        The same views turned or mirrored, to be remembered too.
    size : int
        About how many tokens are kept, by farthest-point sampling; all where there are fewer.
    """

    def __init__(self, references: Tensor, turned: Sequence[Tensor] = (), size: int = CORESET) -> None:
        seen = torch.cat([references, *turned], dim=1)
        kept = [farthest_points(view, max(LEAST_KEPT, size // len(references))) for view in seen]
        self.memory = torch.cat(kept)
        self.levels_of_normal = _leave_one_out(references, kept)

    def distances(self, described: Tensor) -> Tensor:
        """Distance of each token (V, N, C) to the nearest memory, (V, N)."""
        return torch.stack([nearest_distance(view, self.memory) for view in described])


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
    """Score each member of a cohort by others.

    Parameters
    ----------
    described : Tensor, shape (V, N, C)
        One view for each member, V at least 3; any floating type.
    share : float
        Share of the compared members whose nearest tokens are averaged.

    Returns
    -------
    Tensor, float32, shape (V, N)
    """
    members = len(described)
    rows = []
    for index, view in enumerate(described):
        others = [described[other].float() for other in spread_others(index, members)]
        rows.append(_mutual(view.float(), others, share))
    return torch.stack(rows)


def mutual_distances_of_others(described: Tensor, tokens: Tensor, share: float = COHORT_SHARE) -> Tensor:
    """Score tokens (M, C) of what is no member of a cohort (V, N, C) as a member's are scored; float32, (M,)."""
    members = [described[0], *(described[other] for other in spread_others(0, len(described)))]
    return _mutual(tokens.float(), [member.float() for member in members], share)


def spread_others(index: int, members: int) -> list[int]:
    """Return up to ``COMPARED`` other members, spread evenly: neighbours in a list may show the same thing."""
    count = min(COMPARED, members - 1)
    return [(index + 1 + step * (members - 1) // count) % members for step in range(count)]


def nearest_distance(tokens: Tensor, others: Tensor) -> Tensor:
    """Distance of unit tokens (N, C) to the nearest of others (M, C): |a − b|² = 2 − 2 a·b."""
    return (2 - 2 * (tokens @ others.T).amax(dim=1)).clamp_min(0).sqrt()


def _leave_one_out(references: Tensor, kept: Sequence[Tensor]) -> Tensor:
    """Distances that each reference gets from what is kept of the others, (V, N): what is normal here."""
    if len(references) < 2:
        half = references.shape[1] // 2
        return nearest_distance(references[0, :half], references[0, half:])[None]
    others = [torch.cat([*kept[:index], *kept[index + 1 :]]) for index in range(len(kept))]
    return torch.stack([nearest_distance(view, rest) for view, rest in zip(references, others, strict=True)])


def _mutual(tokens: Tensor, members: Sequence[Tensor], share: float) -> Tensor:
    """Mean distance of tokens (N, C) to their nearest ones in the nearest members, (N,)."""
    nearest = torch.stack([nearest_distance(tokens, member) for member in members], 1)
    kept = max(1, round(share * nearest.shape[1]))
    mean: Tensor = nearest.topk(kept, dim=1, largest=False).values.mean(dim=1)
    return mean
