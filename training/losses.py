"""The losses of stage 1: balanced image labels, as in the paper, and masks where they are known."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# A token counts as anomalous when this share of it is.
ANOMALOUS_SHARE = 0.2


def image_loss(score: Tensor, labels: Tensor) -> Tensor:
    """Balanced binary cross-entropy of image scores (S,) in [0, 1]: both classes weigh the same (arXiv 2502.07601)."""
    loss = F.binary_cross_entropy(score.clamp(1e-6, 1 - 1e-6), labels, reduction="none")
    return _balanced(loss, labels > 0.5)


def map_loss(maps: Tensor, masks: Tensor) -> Tensor:
    """Balanced binary cross-entropy of maps (V, h, w) against token masks; unknown places (< 0) are left out.

    Tokens that are anomalous in a small part only are left out too: either answer would be right.
    """
    anomalous = masks >= ANOMALOUS_SHARE
    used = anomalous | (masks == 0)
    if not used.any():
        return maps.sum() * 0
    labels = anomalous[used]
    loss = F.binary_cross_entropy(maps[used].clamp(1e-6, 1 - 1e-6), labels.float(), reduction="none")
    return _balanced(loss, labels)


def ranking_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Pairwise logistic loss: every anomalous example should score above every normal one of its own source."""
    anomalous, normal = logits[labels > 0.5], logits[labels <= 0.5]
    if not len(anomalous) or not len(normal):
        return logits.sum() * 0
    return F.softplus(normal[None] - anomalous[:, None]).mean()


def _balanced(loss: Tensor, positive: Tensor) -> Tensor:
    parts = [loss[side].mean() for side in (positive, ~positive) if side.any()]
    return torch.stack(parts).mean()
