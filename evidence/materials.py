"""Kinds of material whose normal photographs were looked at: what Look-Twice usually says of them.

How suspicious normal material looks differs from one material to another, so that one threshold fits few of them. A
photograph is judged by the stricter threshold of the two materials that look most like it: what looks alike is not
always alike to Look-Twice. On folds a and c, the most similar one alone calls .15 of normal photographs and finds .21,
the stricter of two .03 and .08, and of three .02 and .05.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.stats import norm
from torch import Tensor, nn

from looktwice.core.calibration import logit_of_excess
from looktwice.core.rates import RATES

# Of so many most similar materials the strictest counts.
COMPARED = 2
# So many materials that agree about a photograph speak for one that is like none of them. Not measured.
LEAST_AGREEING = 8
_LEAST_REACH = 1e-3
# Level of the adapted encoder that describes a photograph: after block 8 of twelve.
LEVEL = 2


@dataclass(frozen=True)
class Material:
    """What is usual of one material.

    Attributes
    ----------
    middle, high : float
        Raw logit of a usual normal photograph, and what the stated share of them exceeds.
    similarity : float
        Cosine between the photograph and the most similar material.
    name : str

    Examples
    --------
    >>> tile = Material(middle=-2.0, high=1.0, similarity=0.9, name="tile")
    >>> abs(tile.logit(1.0)), round(tile.p_normal(1.0), 2), tile.p_normal(-2.0)
    (0.0, 0.05, 0.5)
    """

    middle: float
    high: float
    similarity: float
    name: str

    def logit(self, raw: float) -> float:
        """Return 0 for what the stated share of normal photographs exceeds, and -3 for a usual one."""
        return float(logit_of_excess(raw, self.middle, self.high, _LEAST_REACH))

    def p_normal(self, raw: float) -> float:
        """Return about what share of normal photographs comes to more than a raw logit: a normal distribution's."""
        reached = (raw - self.middle) / max(self.high - self.middle, _LEAST_REACH)
        return float(norm.sf(reached * norm.isf(RATES.pictures)))


class Materials(nn.Module):
    """What is usual of several materials.

    Parameters
    ----------
    names : sequence of str
    dim : int
        Of the descriptors.

    Examples
    --------
    >>> materials = Materials(("tile", "cloth"), dim=3)
    >>> _ = materials.descriptors.copy_(torch.eye(3)[:2])
    >>> _ = materials.high.copy_(torch.tensor([1.0, 2.0]))
    >>> materials.like(torch.tensor([0.9, 0.1, 0.0])).name
    'cloth'
    """

    descriptors: Tensor
    middle: Tensor
    high: Tensor

    def __init__(self, names: tuple[str, ...], dim: int) -> None:
        super().__init__()
        self.names = names
        self.register_buffer("descriptors", torch.zeros(len(names), dim))
        self.register_buffer("middle", torch.zeros(len(names)))
        self.register_buffer("high", torch.ones(len(names)))

    def like(self, descriptor: Tensor) -> Material | None:
        """Return the stricter of the materials most like a photograph's descriptor (D,); None where none is known."""
        if not self.names:
            return None
        similarity = F.normalize(self.descriptors, dim=1) @ F.normalize(descriptor.to(self.descriptors), dim=0)
        nearest = similarity.topk(min(COMPARED, len(self.names))).indices
        strictest = int(nearest[self.high[nearest].argmax()])
        middle, high = float(self.middle[strictest]), float(self.high[strictest])
        return Material(middle, high, float(similarity.max()), self.names[strictest])

    def agree(self, raw: float) -> bool:
        """Whether many materials are known, and a photograph of this raw logit has one verdict by all of them."""
        many = len(self.names) >= LEAST_AGREEING
        return many and bool((raw < self.high).all() or (raw >= self.high).all())


def describe(levels: Sequence[Tensor]) -> Tensor:
    """Return descriptors (V, 2 C) of photographs from their levels (V, N, C): mean and spread of one level's tokens."""
    return mean_and_spread(levels[LEVEL])


def mean_and_spread(tokens: Tensor) -> Tensor:
    """Return the mean and the standard deviation of tokens (V, N, C), each of unit length, side by side: (V, 2 C)."""
    tokens = tokens.float()
    return torch.cat([F.normalize(tokens.mean(dim=1), dim=1), F.normalize(tokens.std(dim=1), dim=1)], dim=1)
