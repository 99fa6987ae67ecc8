from __future__ import annotations

import torch

from looktwice.reasoning.prompt_embedding import join_texts, lay_out_crops, left_pad


def test_crops_lie_on_their_grid_with_a_newline_behind_each_row():
    # Two crops side by side, 2 × 2 tokens each: crop 0 holds 0..3, crop 1 holds 4..7.
    tokens = torch.arange(8.0).reshape(2, 4, 1)
    laid = lay_out_crops(tokens, (1, 2), newline=torch.tensor([-1.0]))
    assert laid.flatten().tolist() == [0, 1, 4, 5, -1, 2, 3, 6, 7, -1]


def test_crops_one_above_the_other():
    laid = lay_out_crops(torch.arange(8.0).reshape(2, 4, 1), (2, 1), newline=torch.tensor([-1.0]))
    assert laid.flatten().tolist() == [0, 1, -1, 2, 3, -1, 4, 5, -1, 6, 7, -1]


def test_neighbouring_texts_become_one():
    token = torch.ones(1, 4)
    assert join_texts(["a", "b", token, "", "c"]) == ["ab", token, "c"]


def test_a_batch_ends_flush():
    batch, mask = left_pad([torch.ones(2, 3), torch.full((4, 3), 2.0)])
    assert mask.tolist() == [[0, 0, 1, 1], [1, 1, 1, 1]]
    assert batch[0, 2:].eq(1).all()
    assert batch[0, :2].eq(0).all()
