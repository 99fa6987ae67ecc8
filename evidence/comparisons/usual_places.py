"""Heat of a photograph that is compared with others: what is usual of places of normal ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from looktwice.core.calibration import logit_of_excess
from looktwice.core.study import FloatArray

_LEAST = 1e-6


@dataclass(frozen=True)
class UsualPlaces:
    """What is usual of places: of their log distances, and of these joined with what Look-Twice says.

    All tokens of a picture see each other, so that an anomaly moves those of normal places a little, too. How far a
    picture as a whole is moved says nothing of where it is anomalous, and is taken off.

    Attributes
    ----------
    middle, spread : float
        Of the log distances.
    own_weight : float
        Of Look-Twice's logits beside distances in spreads.
    usual, high : float
        Of the joined values: the median, and what few places of normal photographs exceed.

    Examples
    --------
    The whole picture is moved, and one of its places more than the others:

    >>> normal = torch.randn(4, 100, generator=torch.manual_seed(0))
    >>> places = UsualPlaces.of(normal, [torch.zeros(100)] * 4, own_weight=0.5, share=0.01)
    >>> moved = normal[0] + 3.0
    >>> moved[42] += 9.0
    >>> heat = places.heat(moved, torch.zeros(100), (10, 10))
    >>> heat.shape, int(heat.argmax()), int((heat > 0.5).sum()) < 5
    ((1, 10, 10), 42, True)
    """

    middle: float
    spread: float
    own_weight: float
    usual: float = 0.0
    high: float = 1.0

    @staticmethod
    def of(logarithms: Tensor, own: Sequence[Tensor], own_weight: float, share: float) -> UsualPlaces:
        """Return what is usual of photographs, most of them normal.

        Parameters
        ----------
        logarithms : Tensor, shape (V, N)
            Of the distances of their places.
        own : sequence of Tensor, each (N,)
            What Look-Twice says of the same places.
        own_weight : float
        share : float
            Of all places above even odds.
        """
        bare = UsualPlaces(float(logarithms.median()), max(float(logarithms.std()), _LEAST), own_weight)
        joined = torch.cat([bare._joined(one, said) for one, said in zip(logarithms, own, strict=True)]).numpy()
        return replace(bare, usual=float(np.median(joined)), high=float(np.quantile(joined, 1 - share)))

    def heat(self, logarithms: Tensor, own: Tensor, grid: tuple[int, int]) -> FloatArray:
        """Return the map (1, h, w) of one photograph from (N,) log distances; 0.5 is what few normal places exceed."""
        logits = logit_of_excess(self._joined(logarithms, own).numpy(), self.usual, self.high, _LEAST)
        return np.asarray(expit(logits), np.float32).reshape(1, *grid)

    def _joined(self, logarithms: Tensor, own: Tensor) -> Tensor:
        moved = max(0.0, float(logarithms.median()) - self.middle)
        return (logarithms - moved - self.middle) / self.spread + self.own_weight * own
