"""Linear probes that turn the self-reference maps of a view into one anomaly map and one score.

They are fitted on synthetic anomalies (``training.fusion``) with non-negative weights: the more unusual a token is at
any feature level, the more anomalous. They are linear in standardised log distances, and therefore transfer to
materials that they were not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from looktwice.evidence.self_reference_maps import STATISTICS, summarise
from looktwice.evidence.settings import DEFAULTS, SelfReferenceSettings


class LinearProbe(nn.Module):
    """A logistic regression on standardised features.

    Parameters
    ----------
    features : int
        F, number of features.

    Examples
    --------
    >>> probe = LinearProbe(2)
    >>> probe.mean, probe.scale = torch.tensor([10.0, 0.0]), torch.tensor([2.0, 1.0])
    >>> probe.standardise(torch.tensor([14.0, 0.5])).tolist()
    [2.0, 0.5]
    >>> probe(torch.zeros(5, 2)).shape
    torch.Size([5])
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.linear = nn.Linear(features, 1)

    def standardise(self, features: Tensor) -> Tensor:
        """Return the z-scores of features (..., F), by mean and standard deviation of the training data."""
        return (features - self.mean) / self.scale

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits (...,) of features (..., F)."""
        logits: Tensor = self.linear(self.standardise(features)).squeeze(-1)
        return logits


class Fusion(nn.Module):
    """Two probes that fuse the maps of several feature levels into one map and one score.

    Parameters
    ----------
    channels : int
        K, number of maps.
    heterogeneity : sequence of int
        Indices of the maps whose means tell how heterogeneous an image is; empty for no such term. In heterogeneous
        images, such as anatomy, tokens differ everywhere, and an anomaly raises the mean of a map more than its peak.
    settings : SelfReferenceSettings

    Attributes
    ----------
    spread : Tensor
        Standard deviation of the view probe's logits over its training examples.

    Examples
    --------
    Four maps of each of three views become one map and one logit a view:

    >>> maps, logits = Fusion(channels=4)(torch.rand(3, 4, 8, 8))
    >>> maps.shape, logits.shape
    (torch.Size([3, 8, 8]), torch.Size([3]))
    """

    spread: Tensor

    def __init__(
        self,
        channels: int,
        heterogeneity: Sequence[int] = (),
        settings: SelfReferenceSettings = DEFAULTS.self_reference,
    ) -> None:
        super().__init__()
        self.channels, self.settings = channels, settings
        self.columns = [channel * len(STATISTICS) + STATISTICS.index("mean") for channel in heterogeneity]
        self.map_probe = LinearProbe(channels)
        self.view_probe = LinearProbe(channels * len(STATISTICS))
        self.register_buffer("spread", torch.ones(()))

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse the maps of V views.

        Parameters
        ----------
        maps : Tensor, shape (V, K, h, w)

        Returns
        -------
        maps : Tensor, shape (V, h, w)
            Logits of the tokens.
        logits : Tensor, shape (V,)
            Logits of the views.
        """
        return self.map_probe(maps.movedim(1, -1)), self.judge(summarise(maps, self.settings.top_share))

    def judge(self, statistics: Tensor) -> Tensor:
        """Return the logits (V,) of views from the statistics (V, K · len(STATISTICS)) of their maps."""
        logits: Tensor = self.view_probe(statistics)
        if not self.columns:
            return logits
        heterogeneity = self.view_probe.standardise(statistics)[:, self.columns].mean(dim=1)
        excess = torch.relu(heterogeneity - self.settings.heterogeneous_from)
        return logits + self.settings.heterogeneous_weight * self.spread * excess
