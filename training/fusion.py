"""Fitting the self-reference probes, on synthetic anomalies in many kinds of material.

Real labelled sets teach what their own anomalies look like. Synthetic anomalies in many materials teach what stands
out in general; in our experiments this transferred better to left-out sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.evidence.networks.probes import Fusion, LinearProbe
from looktwice.evidence.self_reference_maps import summarise
from looktwice.training.losses import ANOMALOUS_SHARE, image_loss, ranking_loss
from looktwice.training.minimise import minimise

# Weight of the sum of squared weights: for the view head and the map head.
VIEW_DECAY, MAP_DECAY = 0.05, 0.05
# About so many normal places are fitted on.
MOST_PLACES = 100_000


def fit_fusion(
    fusion: Fusion,
    maps: Tensor,
    labels: Tensor,
    masks: Tensor,
    sources: Sequence[str],
) -> tuple[Tensor, Tensor]:
    """Fit a fusion in place.

    The view head is learnt to rank anomalous above normal within each source; the map head from masks. Every source
    weighs the same, and no weight is negative.

    Parameters
    ----------
    fusion : Fusion
    maps : Tensor, shape (E, K, h, w)
        Self-reference maps of the examples.
    labels : Tensor, shape (E,)
    masks : Tensor, shape (E, h, w)
        Share of each token that is anomalous; negative where that is not known.
    sources : sequence of str
        Of each example.

    Returns
    -------
    maps : Tensor, shape (E, h, w)
        The fused map logits of the examples.
    views : Tensor, shape (E,)
        Their fused logits.
    """
    maps = maps.float()
    statistics = summarise(maps, fusion.settings.top_share)
    _standardise(fusion.view_probe, statistics)
    _standardise(fusion.map_probe, maps.movedim(1, -1).flatten(0, 2))
    rows = [torch.tensor([name == source for name in sources]) for source in sorted(set(sources))]
    rows = [own for own in rows if 0 < labels[own].sum() < own.sum()]
    if rows:
        _fit_views(fusion.view_probe, statistics, labels, rows)
    _fit_places(fusion.map_probe, maps.movedim(1, -1), masks)
    with torch.no_grad():
        fused: tuple[Tensor, Tensor] = fusion(maps)
    return fused


def _fit_views(head: LinearProbe, statistics: Tensor, labels: Tensor, rows: Sequence[Tensor]) -> None:
    standard = head.standardise(statistics)

    def loss(weights: Tensor, bias: Tensor) -> Tensor:
        logits = standard @ weights + bias
        parts = [
            ranking_loss(logits[own], labels[own]) + image_loss(logits[own].sigmoid(), labels[own]) for own in rows
        ]
        return torch.stack(parts).mean() + VIEW_DECAY * weights.square().sum()

    _fit(head, loss)


def _fit_places(head: LinearProbe, maps: Tensor, masks: Tensor) -> None:
    anomalous = masks >= ANOMALOUS_SHARE
    used = anomalous | (masks == 0)
    places, labels = maps[used], anomalous[used]
    # Normal places are many and alike: every n-th is as good as all.
    thin = labels.clone()
    thin[:: max(1, len(labels) // MOST_PLACES)] = True
    places, labels = head.standardise(places[thin]), labels[thin]
    if not 0 < labels.sum() < len(labels):
        return

    def loss(weights: Tensor, bias: Tensor) -> Tensor:
        logits = places @ weights + bias
        pushed = F.softplus(torch.where(labels, -logits, logits))
        return (pushed[labels].mean() + pushed[~labels].mean()) / 2 + MAP_DECAY * weights.square().sum()

    _fit(head, loss)


def _standardise(head: LinearProbe, features: Tensor) -> None:
    head.mean.copy_(features.mean(dim=0))
    head.scale.copy_(features.std(dim=0).clamp_min(1e-6))


def _fit(head: LinearProbe, loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Find the weights, none of them negative, and the bias that make the loss least."""
    free = torch.full_like(head.linear.weight[0], -2.0, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    minimise([free, bias], lambda: loss(F.softplus(free), bias))
    with torch.no_grad():
        head.linear.weight.copy_(F.softplus(free)[None])
        head.linear.bias.copy_(bias)
