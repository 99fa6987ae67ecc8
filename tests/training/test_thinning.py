"""Rows and columns of tokens: a grid stays a grid, and a flaw stays in it."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from looktwice.training.thinning import kept_places, thinned


@given(st.integers(3, 9), st.data())
def test_what_is_kept_are_rows_and_columns_with_an_anomalous_place(side, data):
    kept = data.draw(st.integers(1, side))
    row, column = data.draw(st.integers(0, side - 1)), data.draw(st.integers(0, side - 1))
    cells = torch.zeros(2, side, side)
    cells[1, row, column] = 0.3
    places = kept_places(cells, kept, torch.Generator().manual_seed(side))
    assert places.shape == (2, kept * kept)
    for own in places:
        rows, columns = own // side, own % side
        assert len(set(rows.tolist())) == len(set(columns.tolist())) == kept
        assert own.tolist() == sorted(set(own.tolist()))
    assert row * side + column in places[1].tolist()


def test_tokens_and_cells_stay_together():
    cells = torch.arange(16.0).view(1, 4, 4)
    hidden = torch.cat([torch.full((1, 1, 2), -1.0), cells.flatten(1)[..., None].expand(-1, -1, 2)], dim=1)
    places = kept_places(cells, 3, torch.Generator().manual_seed(0))
    tokens, left = thinned(hidden, cells, places)
    assert tokens.shape == (1, 10, 2)
    assert left.shape == (1, 3, 3)
    assert tokens[0, 0].tolist() == [-1.0, -1.0]
    torch.testing.assert_close(tokens[0, 1:, 0], left.flatten())
