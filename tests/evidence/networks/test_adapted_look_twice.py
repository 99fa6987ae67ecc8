"""Look-Twice for an adapted encoder: shapes, grids, and that each part of the picture counts where it should."""

from __future__ import annotations

import torch

from looktwice.evidence.networks.adapted_look_twice import AdaptedLookTwice


def made(levels: int = 2) -> AdaptedLookTwice:
    torch.manual_seed(0)
    return AdaptedLookTwice([8] * levels, embed_dim=16).eval()


def test_views_are_judged_one_by_one():
    network = made()
    levels = [torch.randn(4, 16, 8) for _ in range(2)]
    maps, logits = network(levels, (4, 4))
    alone_maps, alone_logits = network([level[2:3] for level in levels], (4, 4))
    torch.testing.assert_close(maps[2:3], alone_maps)
    torch.testing.assert_close(logits[2:3], alone_logits)


def test_one_set_of_weights_serves_every_grid():
    network = made()
    for grid in ((4, 4), (3, 5), (9, 9)):
        maps, logits = network([torch.randn(2, grid[0] * grid[1], 8) for _ in range(2)], grid)
        assert maps.shape == (2, *grid)
        assert logits.shape == (2,)


def test_before_training_few_places_are_taken_for_anomalous():
    maps, _ = made()([torch.randn(8, 64, 8) for _ in range(2)], (8, 8))
    assert float((maps > 0).float().mean()) < 0.5


def test_every_part_learns():
    network = made().train()
    maps, logits = network([torch.randn(2, 16, 8) for _ in range(2)], (4, 4))
    (maps.sum() + logits.sum()).backward()
    # Both descriptions and the second look must be reached by the losses.
    still = [name for name, one in network.named_parameters() if one.grad is None or one.grad.abs().max() < 1e-7]
    assert set(still) <= {"key.bias"}  # it shifts all attention scores of a query alike


def test_a_map_is_in_row_major_order():
    network = made(1)
    level = torch.zeros(1, 12, 8)
    level[0, 7] = torch.randn(8)
    maps = network([level], (3, 4))[0].detach()
    others = maps[0].flatten()[torch.arange(12) != 7]
    assert float(others.max() - others.min()) < 1e-5
    assert abs(float(maps[0, 1, 3] - others[0])) > 1e-4
