"""What stands out of its own view."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from looktwice.encoders.base import Tokens
from looktwice.encoders.self_reference import (
    EXCLUDED_RADIUS,
    FLOOR,
    MAPS,
    NEIGHBOURS,
    STATISTICS,
    self_reference_maps,
    summarise,
)

SIDE = 12
LOWEST = torch.log(torch.tensor(FLOOR))


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
    maps = self_reference_maps(of_field(field), [0])[0]
    row, column = divmod(int(maps[MAPS.index(kind)].argmax()), SIDE)
    columns = [8, SIDE - 1 - 8] if kind == "mirror" else [8]
    assert abs(row - 3) <= 1  # tokens are averaged over 3 × 3
    assert min(abs(column - place) for place in columns) <= 1


def test_a_mirrored_view_differs_from_its_mirror_nowhere():
    half = torch.randn(5, SIDE, SIDE // 2, generator=torch.Generator().manual_seed(1))
    symmetric = torch.cat([half, half.flip(2)], dim=2)
    mirror = self_reference_maps(of_field(symmetric), [0])[0, MAPS.index("mirror")]
    torch.testing.assert_close(mirror, LOWEST.expand_as(mirror), atol=1e-2, rtol=0)
    broken = symmetric.clone()
    broken[:, 6, 2] += 4
    assert self_reference_maps(of_field(broken), [0])[0, MAPS.index("mirror"), 6, 2] > LOWEST + 4


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_a_view_without_any_contrast_has_finite_maps(value):
    maps = self_reference_maps(of_field(torch.full((4, SIDE, SIDE), value)), [0])
    assert maps.isfinite().all()
    assert maps.flatten(2).std(dim=2).max() < 0.2


def test_maps_come_level_by_level_and_views_do_not_mix():
    generator = torch.Generator().manual_seed(2)
    fields = [torch.randn(channels, SIDE, SIDE, generator=generator) for channels in (3, 5, 7)]
    one = of_field(*fields)
    assert self_reference_maps(one, [1]).shape == (1, len(MAPS), SIDE, SIDE)
    both = self_reference_maps(one, [0, 2])
    torch.testing.assert_close(both[:, len(MAPS) :], self_reference_maps(one, [2]))
    other = [level.flip(1) * 2 for level in one.levels]
    pair = Tokens(one.final, [torch.cat(parts) for parts in zip(one.levels, other, strict=True)], one.grid)
    torch.testing.assert_close(self_reference_maps(pair, [0, 2])[:1], both, atol=1e-4, rtol=1e-4)


def test_statistics_of_a_map_by_hand():
    maps = torch.arange(1.0, 21.0).view(1, 1, 4, 5)
    found = dict(zip(STATISTICS, summarise(maps)[0].tolist(), strict=True))
    assert found["max"] == 20
    assert found["top"] == 19.5  # the upper tenth: 20 and 19
    assert found["mean"] == 10.5
    assert found["median"] in (10, 11)


def test_statistics_come_map_by_map():
    maps = torch.stack([torch.full((3, 3), 1.0), torch.full((3, 3), 2.0)])[None]
    assert summarise(maps)[0].tolist() == [1.0] * len(STATISTICS) + [2.0] * len(STATISTICS)


def test_tokens_close_by_are_not_elsewhere():
    field = torch.randn(6, SIDE, SIDE, generator=torch.Generator().manual_seed(4))
    found = self_reference_maps(of_field(field), [0])[0, MAPS.index("nearest"), 5, 7].exp() - FLOOR

    def local(row: int, column: int) -> Tensor:
        around = field[:, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
        return torch.nn.functional.normalize(around.mean(dim=(1, 2)), dim=0)

    elsewhere = [
        float((local(5, 7) - local(row, column)).norm())
        for row in range(SIDE)
        for column in range(SIDE)
        if max(abs(row - 5), abs(column - 7)) > EXCLUDED_RADIUS
    ]
    assert float(found) == pytest.approx(sum(sorted(elsewhere)[:NEIGHBOURS]) / NEIGHBOURS, abs=1e-4)
