"""One calibrated score out of several sources of evidence, by a small linear head.

The head is learnt on sets that are kept apart from those that are measured (see ``training.fusion``); being linear
on standardised, logarithmic statistics, it stays small enough to carry over to material that nobody trained it on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from looktwice.encoders.self_reference import summarise

# Logits of LTFM are clamped: its softmax saturates, and a saturated source must not outvote the others.
LOGIT_LIMIT = 6.0


class LinearHead(nn.Module):
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

    def forward(self, features: Tensor) -> Tensor:
        """Logits (...,) of features (..., F)."""
        logits: Tensor = self.linear((features - self.mean) / self.scale).squeeze(-1)
        return logits


class Fusion(nn.Module):
    """Maps and scores of several sources, fused and calibrated.

    Parameters
    ----------
    channels : int
        K, how many maps are fused: LTFM's own and the self-reference ones.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.map_head = LinearHead(channels)
        self.view_head = LinearHead(channels * len(summarise(torch.zeros(1, 1, 2, 2))[0]))

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse.

        Parameters
        ----------
        maps : Tensor, shape (V, K, h, w)

        Returns
        -------
        maps : Tensor, shape (V, h, w)
            Probabilities.
        logits : Tensor, shape (V,)
            One for each view.
        """
        return self.map_head(maps.movedim(1, -1)).sigmoid(), self.view_head(summarise(maps))


def ltfm_logits(maps: Tensor) -> Tensor:
    """LTFM's probability maps as bounded logits, to stand beside logarithmic distances."""
    return torch.logit(maps, eps=1e-6).clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
