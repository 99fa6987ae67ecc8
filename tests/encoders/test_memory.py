"""Memory banks and mutual scoring on tokens with known distances."""

from __future__ import annotations

import pytest
import torch

from looktwice.encoders.base import Tokens
from looktwice.encoders.memory import MemoryBank, describe_tokens, farthest_points, mutual_distances


def test_thinning_keeps_the_rare_point():
    generator = torch.Generator().manual_seed(0)
    points = 0.01 * torch.randn(500, 8, generator=generator)
    points[321] = 5.0
    kept = farthest_points(points, 4)
    assert kept.shape == (4, 8)
    assert (kept == points[321]).all(dim=1).any()


def test_thinning_covers_every_cluster_and_repeats_nothing():
    generator = torch.Generator().manual_seed(1)
    centres = 10 * torch.eye(6)
    points = (centres[:, None] + 0.1 * torch.randn(6, 50, 6, generator=generator)).flatten(0, 1)
    kept = farthest_points(points, 6)
    assert sorted(torch.cdist(kept, centres).argmin(dim=1).tolist()) == [0, 1, 2, 3, 4, 5]


def test_few_points_are_all_kept():
    points = torch.randn(5, 3)
    assert torch.equal(farthest_points(points, 5), points)


def test_what_is_remembered_is_at_no_distance_and_the_rest_at_its_own():
    references = torch.tensor([[[0.0, 0.0], [4.0, 0.0]], [[0.0, 1.0], [4.0, 1.0]]])
    bank = MemoryBank(references)
    seen = bank.distances(torch.tensor([[[4.0, 1.0], [0.0, 4.0], [7.0, 5.0]]]))
    torch.testing.assert_close(seen, torch.tensor([[0.0, 3.0, 5.0]]))
    # Each reference is measured against the other one only, never against itself.
    torch.testing.assert_close(bank.levels_of_normal, torch.ones(2, 2))


def test_a_single_reference_is_measured_against_its_own_other_half():
    bank = MemoryBank(torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [1.0, 2.0]]]))
    torch.testing.assert_close(bank.levels_of_normal, torch.full((1, 2), 2.0))


def test_described_tokens_are_local_means_of_unit_length_on_every_level():
    generator = torch.Generator().manual_seed(2)
    levels = [torch.randn(2, 20, dim, generator=generator) for dim in (3, 5)]
    described = describe_tokens(Tokens(levels[-1], levels, (4, 5)), [0, 1])
    assert described.shape == (2, 20, 8)
    for part in described.split([3, 5], dim=2):
        torch.testing.assert_close(part.norm(dim=2), torch.ones(2, 20))
    # Row 1, column 2 of the 4 × 5 grid: its 3 × 3 neighbours.
    around = [row * 5 + column for row in (0, 1, 2) for column in (1, 2, 3)]
    by_hand = torch.nn.functional.normalize(levels[0][1, around].mean(dim=0), dim=0)
    torch.testing.assert_close(described[1, 7, :3], by_hand)


@pytest.mark.parametrize("members", [3, 8])
def test_the_odd_member_of_a_cohort_is_far_from_all(members):
    generator = torch.Generator().manual_seed(3)
    described = torch.randn(1, 16, 6, generator=generator) + 0.05 * torch.randn(members, 16, 6, generator=generator)
    described[2, 5] += 3
    scores = mutual_distances(described)
    assert scores.shape == (members, 16)
    assert int(scores.argmax()) == 2 * 16 + 5
    assert scores.isfinite().all()


def test_only_the_nearest_share_of_the_cohort_counts():
    # Ten members with one token each, at 0, 1, 2, ... 9: the nearest three of the first are at 1, 2 and 3.
    described = torch.arange(10.0).view(10, 1, 1)
    assert mutual_distances(described, share=1 / 3)[0, 0] == pytest.approx(2.0)
