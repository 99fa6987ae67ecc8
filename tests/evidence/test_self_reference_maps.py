"""What stands out of its own view."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from looktwice.core.tokens import Tokens
from looktwice.evidence.self_reference_maps import (
    MAPS,
    STATISTICS,
    FeatureLevel,
    describe,
    self_reference_maps,
    summarise,
)
from looktwice.evidence.settings import DEFAULTS

SIDE = 12
FIELD = FeatureLevel(0, 3)


def of_field(*fields: Tensor) -> Tokens:
    """Tokens whose levels are fields (C, h, w) of one view."""
    levels = [field.flatten(1).T[None] for field in fields]
    return Tokens(levels[-1], levels, tuple(fields[0].shape[1:]))


def textured() -> Tensor:
    """One texture everywhere: a direction with a little noise."""
    generator = torch.Generator().manual_seed(0)
    return torch.tensor([3.0, 1.0, 0.0, 0.0])[:, None, None] + 0.1 * torch.randn(4, SIDE, SIDE, generator=generator)


@pytest.mark.parametrize("kind", MAPS)
def test_an_odd_token_in_a_uniform_view_stands_out_in_every_map(kind):
    field = textured()
    field[:, 3, 8] = torch.tensor([0.0, 0.0, 9.0, 0.0])
    maps = self_reference_maps(of_field(field), [FIELD])[0]
    row, column = divmod(int(maps[MAPS.index(kind)].argmax()), SIDE)
    assert abs(row - 3) <= 1  # tokens are averaged over 3 × 3
    assert abs(column - 8) <= 1
    sharp = self_reference_maps(of_field(field), [FeatureLevel(0, 1)])[0]
    assert divmod(int(sharp[MAPS.index(kind)].argmax()), SIDE) == (3, 8)


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_a_view_without_any_contrast_has_finite_maps(value):
    maps = self_reference_maps(of_field(torch.full((4, SIDE, SIDE), value)), [FIELD])
    assert maps.isfinite().all()
    assert maps.flatten(2).std(dim=2).max() < 0.2


def test_maps_come_field_by_field_and_views_do_not_mix():
    generator = torch.Generator().manual_seed(2)
    fields = [torch.randn(channels, SIDE, SIDE, generator=generator) for channels in (3, 5, 7)]
    one = of_field(*fields)
    assert self_reference_maps(one, [FeatureLevel(1, 3)]).shape == (1, len(MAPS), SIDE, SIDE)
    both = self_reference_maps(one, [FIELD, FeatureLevel(2, 1)])
    torch.testing.assert_close(both[:, len(MAPS) :], self_reference_maps(one, [FeatureLevel(2, 1)]))
    other = [level.flip(1) * 2 for level in one.levels]
    pair = Tokens(one.final, [torch.cat(parts) for parts in zip(one.levels, other, strict=True)], one.grid)
    torch.testing.assert_close(self_reference_maps(pair, [FIELD, FeatureLevel(2, 1)])[:1], both, atol=1e-4, rtol=1e-4)


def test_statistics_of_a_map_by_hand():
    maps = torch.arange(1.0, 201.0).view(1, 1, 10, 20)
    found = dict(zip(STATISTICS, summarise(maps)[0].tolist(), strict=True))
    assert found == {"top": 199.5, "mean": 100.5}  # the upper hundredth: 200 and 199


def test_statistics_come_map_by_map():
    maps = torch.stack([torch.full((3, 3), 1.0), torch.full((3, 3), 2.0)])[None]
    assert summarise(maps)[0].tolist() == [1.0] * len(STATISTICS) + [2.0] * len(STATISTICS)


def test_distances_are_to_the_best_of_interleaved_groups_elsewhere():
    tokens = of_field(torch.randn(6, SIDE, SIDE, generator=torch.Generator().manual_seed(4)))
    found = (
        self_reference_maps(tokens, [FIELD])[0, MAPS.index("nearest"), 5, 7].exp()
        - DEFAULTS.self_reference.distance_floor
    )
    field = describe(tokens, FIELD)[0]
    groups: dict[int, list[float]] = {}
    for row in range(SIDE):
        for column in range(SIDE):
            if max(abs(row - 5), abs(column - 7)) > round(DEFAULTS.self_reference.excluded_share * SIDE):
                distance = float((field[:, 5, 7] - field[:, row, column]).norm())
                groups.setdefault((row * SIDE + column) % DEFAULTS.self_reference.num_neighbors, []).append(distance)
    assert float(found) == pytest.approx(
        sum(map(min, groups.values())) / DEFAULTS.self_reference.num_neighbors, abs=1e-4
    )


def test_described_tokens_are_local_means_of_unit_length():
    field = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(2))
    described = describe(of_field(field), FIELD)[0]
    torch.testing.assert_close(described.norm(dim=0), torch.ones(4, 5))
    by_hand = torch.nn.functional.normalize(field[:, 0:3, 1:4].mean(dim=(1, 2)), dim=0)
    torch.testing.assert_close(described[:, 1, 2], by_hand)
