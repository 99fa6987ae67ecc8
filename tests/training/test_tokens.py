"""Examples become tokens and token masks."""

from __future__ import annotations

import numpy as np
import torch

from looktwice.core.study import Modality
from looktwice.training.corpus import Example
from looktwice.training.tokens import BATCH, UNKNOWN, TokenSet, encode_examples


def example(number: int, mask: np.ndarray | None) -> Example:
    image = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
    return Example(image, number % 2, mask, "even" if number % 2 == 0 else "odd", Modality.IMAGE)


def test_examples_of_several_batches_keep_their_order_and_masks(make_expert):
    expert = make_expert()
    encoder = expert.encoder
    mask = np.zeros((64, 64), bool)
    mask[8:16, 24:28] = True  # half of the token in row 1, column 3
    examples = [example(number, None if number == 2 else mask) for number in range(BATCH + 3)]
    tokens = encode_examples(expert, iter(examples))
    assert len(tokens) == BATCH + 3
    assert tokens.labels.tolist() == [float(number % 2) for number in range(BATCH + 3)]
    assert tokens.members("odd").tolist() == list(range(1, BATCH + 3, 2))
    assert (tokens.masks[2] == UNKNOWN).all()
    assert tokens.masks[0].nonzero().tolist() == [[1, 3]]
    assert tokens.masks[0, 1, 3] == 0.5
    expected = encoder.encode([examples[-1].image])
    last = tokens.tokens(slice(-1, None))
    torch.testing.assert_close(last.final, expected.final, atol=1e-2, rtol=1e-2)
    assert [level.shape[2] for level in last.levels] == list(encoder.level_dims)
    assert tokens.final.dtype == torch.float16


def test_what_is_saved_is_loaded_and_joined(make_tokens, tmp_path):
    one, other = make_tokens(0, 6), make_tokens(1, 4)
    one.save(tmp_path / "a folder" / "one.pt")
    joined = TokenSet.join([TokenSet.load(tmp_path / "a folder" / "one.pt"), other])
    assert len(joined) == 10
    assert joined.sources == one.sources + other.sources
    assert torch.equal(joined.masks[6:], other.masks)
    assert torch.equal(joined.tokens([1]).final, one.tokens([1]).final)
