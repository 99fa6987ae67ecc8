"""The linear heads that fuse maps."""

from __future__ import annotations

import torch

from looktwice.evidence.networks.probes import Fusion, LinearProbe
from looktwice.evidence.self_reference_maps import STATISTICS


def test_a_linear_head_standardises_before_it_weighs():
    head = LinearProbe(2)
    head.mean.copy_(torch.tensor([1.0, -2.0]))
    head.scale.copy_(torch.tensor([2.0, 0.5]))
    with torch.no_grad():
        head.linear.weight.copy_(torch.tensor([[3.0, 1.0]]))
        head.linear.bias.fill_(0.25)
    # (5 − 1) / 2 · 3 + (−1 + 2) / 0.5 · 1 + 0.25
    torch.testing.assert_close(head(torch.tensor([[5.0, -1.0]])), torch.tensor([8.25]))


def test_maps_are_fused_place_by_place_and_views_one_by_one():
    torch.manual_seed(0)
    fusion = Fusion(3).eval()
    maps = torch.randn(4, 3, 5, 6)
    fused, logits = fusion(maps)
    assert fused.shape == (4, 5, 6)
    assert logits.shape == (4,)
    changed = maps.clone()
    changed[2, :, 1, 4] += 10
    fused_after, logits_after = fusion(changed)
    moved = (fused_after != fused).nonzero().tolist()
    assert moved == [[2, 1, 4]]
    assert (logits_after != logits).nonzero().flatten().tolist() == [2]


def test_standardisation_is_saved_with_the_weights():
    names = set(Fusion(2).state_dict())
    assert {"map_probe.mean", "map_probe.scale", "view_probe.mean", "view_probe.scale"} <= names
    assert Fusion(2).view_probe.linear.in_features == 2 * len(STATISTICS)
