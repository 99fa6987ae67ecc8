"""Nearest-neighbour distances of tokens: to a memory bank of normal images, or to the members of a cohort.

``MemoryBank`` follows PatchCore (Roth et al., CVPR 2022): it keeps a coreset of the tokens of normal images, and a
token's distance is that to its nearest neighbour. ``mutual_distances`` follows MuSc (Li et al., ICLR 2024): most of a
cohort is normal, so a normal token has near neighbours in many other members. All tokens have unit length; distances
are one minus the cosine.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from looktwice.evidence.settings import DEFAULTS, MemoryBankSettings


class MemoryBank:
    """A memory bank: a coreset of the tokens of normal views.

    The coreset is chosen for each view separately. In leave-one-out, a reference is then compared with as many tokens
    of each other reference as a new view is.

    Parameters
    ----------
    references : Tensor, shape (V, N, C)
        Tokens of normal views.
    settings : MemoryBankSettings
        Its coreset size is approximate; if there are fewer tokens, all are kept.

    Attributes
    ----------
    memory : Tensor, shape (M, C)
        The coreset.
    levels_of_normal : Tensor, shape (V, N)
        Leave-one-out distances of the references: what is normal.

    Examples
    --------
    A token that no reference has is far from the bank:

    >>> bank = MemoryBank(torch.eye(3)[:2].expand(4, 2, 3))
    >>> [round(distance, 2) for distance in bank.distances(torch.eye(3)[None])[0].tolist()]
    [0.0, 0.0, 1.0]
    """

    def __init__(
        self,
        references: Tensor,
        settings: MemoryBankSettings = DEFAULTS.memory_bank,
    ) -> None:
        each = max(settings.least_per_reference, settings.coreset_size // len(references))
        kept = [farthest_points(view, each) for view in references]
        self.memory = torch.cat(kept)
        self.levels_of_normal = _leave_one_out(references, kept)

    def distances(self, described: Tensor) -> Tensor:
        """Return the distance of each token (V, N, C) to its nearest neighbour in the bank, shape (V, N)."""
        return torch.stack([nearest_distance(view, self.memory) for view in described])


def farthest_points(points: Tensor, size: int) -> Tensor:
    """Choose a coreset of `size` points (M, C) by greedy farthest-point sampling (k-centre); it keeps rare points."""
    if len(points) <= size:
        return points
    # Distances in a random projection are accurate enough for this, and much cheaper.
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


def mutual_distances(described: Tensor, settings: MemoryBankSettings = DEFAULTS.memory_bank) -> Tensor:
    """Return the mutual distances of a cohort: of the tokens of each member to other members.

    Parameters
    ----------
    described : Tensor, shape (V, N, C)
        One view per member, V ≥ 3; any floating type.
    settings : MemoryBankSettings

    Returns
    -------
    Tensor, float32, shape (V, N)
    """
    members = len(described)
    rows = []
    for index, view in enumerate(described):
        others = [described[other].float() for other in spread_others(index, members, settings)]
        rows.append(_mutual(view.float(), others, settings.cohort_share))
    return torch.stack(rows)


def spread_others(index: int, members: int, settings: MemoryBankSettings = DEFAULTS.memory_bank) -> list[int]:
    """Return some other members, evenly spaced: neighbours in a list may show the same object."""
    count = min(settings.cohort_members_compared, members - 1)
    return [(index + 1 + step * (members - 1) // count) % members for step in range(count)]


def nearest_distance(tokens: Tensor, others: Tensor) -> Tensor:
    """Return the distance of unit tokens (N, C) to the nearest of others (M, C)."""
    return (1 - (tokens @ others.T).amax(dim=1)).clamp_min(0)


def _leave_one_out(references: Tensor, kept: Sequence[Tensor]) -> Tensor:
    """Return the distances (V, N) of the tokens of each reference to the coresets of the others."""
    if len(references) < 2:
        half = references.shape[1] // 2
        return nearest_distance(references[0, :half], references[0, half:])[None]
    others = [torch.cat([*kept[:index], *kept[index + 1 :]]) for index in range(len(kept))]
    return torch.stack([nearest_distance(view, rest) for view, rest in zip(references, others, strict=True)])


def _mutual(tokens: Tensor, members: Sequence[Tensor], share: float) -> Tensor:
    """Return the mean distance (N,) of tokens (N, C) to their nearest neighbours in the nearest members."""
    nearest = torch.stack([nearest_distance(tokens, member) for member in members], 1)
    kept = max(1, round(share * nearest.shape[1]))
    mean: Tensor = nearest.topk(kept, dim=1, largest=False).values.mean(dim=1)
    return mean
