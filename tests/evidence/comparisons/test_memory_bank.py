"""Memory banks and mutual scoring on tokens with known distances."""

from __future__ import annotations

import math

import pytest
import torch

from looktwice.evidence.comparisons.memory_bank import (
    MemoryBank,
    farthest_points,
    mutual_distances,
)
from looktwice.evidence.settings import MemoryBankSettings


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


def circle(*degrees: float) -> torch.Tensor:
    """Unit vectors at some angles."""
    angles = torch.deg2rad(torch.tensor(degrees))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def apart(degrees: float) -> float:
    return 1 - math.cos(math.radians(degrees))


def test_what_is_remembered_is_at_no_distance_and_the_rest_at_its_own():
    bank = MemoryBank(torch.stack([circle(0, 90), circle(10, 100)]))
    seen = bank.distances(torch.stack([circle(100, 60)]))
    torch.testing.assert_close(seen, torch.tensor([[0.0, apart(30)]]), atol=1e-3, rtol=0)
    # Each reference is measured against the other one only, never against itself.
    torch.testing.assert_close(bank.levels_of_normal, torch.full((2, 2), apart(10)), atol=1e-4, rtol=0)


def test_each_reference_keeps_its_share_of_the_memory():
    generator = torch.Generator().manual_seed(4)
    references = torch.nn.functional.normalize(torch.randn(3, 2000, 8, generator=generator), dim=2)
    bank = MemoryBank(references, settings=MemoryBankSettings(coreset_size=1500))
    assert len(bank.memory) == 1500
    owners = [(bank.distances(view[None]) < 1e-6).sum().item() for view in references]
    assert owners == [500, 500, 500]


def test_a_single_reference_is_measured_against_its_own_other_half():
    bank = MemoryBank(circle(0, 40, 20, 60)[None])
    torch.testing.assert_close(bank.levels_of_normal, torch.full((1, 2), apart(20)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("members", [3, 8, 60])
def test_the_odd_member_of_a_cohort_is_far_from_all(members):
    generator = torch.Generator().manual_seed(3)
    described = torch.randn(1, 16, 6, generator=generator) + 0.05 * torch.randn(members, 16, 6, generator=generator)
    described[2, 5] *= -1
    described = torch.nn.functional.normalize(described, dim=2)
    scores = mutual_distances(described)
    assert scores.shape == (members, 16)
    assert int(scores.argmax()) == 2 * 16 + 5
    assert scores.isfinite().all()
