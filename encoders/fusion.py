"""One calibrated map and score out of the maps of several sources of evidence, by small linear heads.

The heads are learnt on examples that Look-Twice has not seen (``training.stage1.fit_fusion``). Being linear on
standardised, logarithmic statistics, and held near a prior that needs no training, they carry over to material that
nobody trained them on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from looktwice.encoders.self_reference import summarise


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
        K, how many maps are fused.
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
            Logits of the tokens.
        logits : Tensor, shape (V,)
            One for each view.
        """
        return self.map_head(maps.movedim(1, -1)), self.view_head(summarise(maps))
