"""Linear probes that turn the self-reference maps of a view into one anomaly map and one score.

They are fitted on synthetic anomalies (``training.fusion``) with non-negative weights: the more unusual a token is at
any feature level, the more anomalous. They are linear in standardised log distances, and therefore transfer to
materials that they were not trained on.
"""

from __future__ import annotations

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
    settings : SelfReferenceSettings

    Examples
    --------
    Four maps of each of three views become one map and one logit a view:

    >>> maps, logits = Fusion(channels=4)(torch.rand(3, 4, 8, 8))
    >>> maps.shape, logits.shape
    (torch.Size([3, 8, 8]), torch.Size([3]))
    """

    def __init__(self, channels: int, settings: SelfReferenceSettings = DEFAULTS.self_reference) -> None:
        super().__init__()
        self.channels, self.settings = channels, settings
        self.map_probe = LinearProbe(channels)
        self.view_probe = LinearProbe(channels * len(STATISTICS))

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
        statistics = summarise(maps, self.settings.top_share)
        return self.map_probe(maps.movedim(1, -1)), self.view_probe(statistics)
