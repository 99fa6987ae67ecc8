"""One map and score out of the self-reference maps of a view, by small linear heads.

The heads are learnt on synthetic anomalies (``training.fusion``) and have no negative weight: the more unlike a token
is, on whatever field, the more suspicious. Being linear on standardised, logarithmic statistics, they carry over to
material that nobody trained them on.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from looktwice.evidence.self_reference_maps import STATISTICS, summarise

# Where a view's tokens are unlike each other everywhere, as in anatomy, a finding changes its mean more than its peak:
# from so many standard deviations above the usual on, the mean counts by itself, with this weight.
HETEROGENEOUS_FROM = 0.45
HETEROGENEOUS_WEIGHT = 6.0


class LinearProbe(nn.Module):
    """A logistic regression on standardised features.

    Parameters
    ----------
    features : int
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.linear = nn.Linear(features, 1)

    def standardise(self, features: Tensor) -> Tensor:
        """Features (..., F) less the usual mean, in usual standard deviations."""
        return (features - self.mean) / self.scale

    def forward(self, features: Tensor) -> Tensor:
        """Logits (...,) of features (..., F)."""
        logits: Tensor = self.linear(self.standardise(features)).squeeze(-1)
        return logits


class Fusion(nn.Module):
    """Maps of several fields, fused into one map and one score.

    Parameters
    ----------
    channels : int
        K, how many maps are fused.
    heterogeneity : sequence of int
        Which of them say, by their means, how unlike each other the tokens of a view are; none for no such term.

    Attributes
    ----------
    spread : Tensor
        Standard deviation of the view head's logits over the examples that it was fitted on.
    """

    spread: Tensor

    def __init__(self, channels: int, heterogeneity: Sequence[int] = ()) -> None:
        super().__init__()
        self.channels = channels
        self.columns = [channel * len(STATISTICS) + STATISTICS.index("mean") for channel in heterogeneity]
        self.map_probe = LinearProbe(channels)
        self.view_probe = LinearProbe(channels * len(STATISTICS))
        self.register_buffer("spread", torch.ones(()))

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse.

        Parameters
        ----------
        maps : Tensor, shape (V, K, h, w)

        Returns
        -------
        maps : Tensor, shape (V, h, w)
            Logits of the tokens.
        logits : Tensor, shape (V,)
            One for each view.
        """
        return self.map_probe(maps.movedim(1, -1)), self.judge(summarise(maps))

    def judge(self, statistics: Tensor) -> Tensor:
        """Logits (V,) of views by the statistics (V, K · len(STATISTICS)) of their maps."""
        logits: Tensor = self.view_probe(statistics)
        if not self.columns:
            return logits
        heterogeneity = self.view_probe.standardise(statistics)[:, self.columns].mean(dim=1)
        excess = torch.relu(heterogeneity - HETEROGENEOUS_FROM)
        return logits + HETEROGENEOUS_WEIGHT * self.spread * excess
