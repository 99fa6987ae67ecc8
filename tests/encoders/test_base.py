"""An encoder at twice its side: quarters encoded one by one lie side by side."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from looktwice.encoders.base import Quartered
from looktwice.encoders.registry import create_encoder


def test_each_quarter_lies_where_it_was(tiny_encoder):
    encoder = create_encoder(tiny_encoder)
    images = list(np.random.default_rng(0).integers(0, 256, (2, 64, 80, 3), np.uint8))
    tokens = Quartered(encoder).encode(images)
    assert tokens.grid == (16, 16)
    assert tokens.final.shape == (2, 256, 12)
    for number, image in enumerate(images):
        for row in range(2):
            for column in range(2):
                alone = encoder.encode([image[32 * row : 32 * row + 32, 40 * column : 40 * column + 40]])
                field = tokens.levels[1][number].unflatten(0, (16, 16))
                part = field[8 * row : 8 * row + 8, 8 * column : 8 * column + 8].flatten(0, 1)
                torch.testing.assert_close(part, alone.levels[1][0])


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 1, 3), (7, 9, 3)])
def test_odd_and_tiny_pictures_are_quartered_too(tiny_encoder, shape):
    tokens = Quartered(create_encoder(tiny_encoder)).encode([np.zeros(shape, np.uint8)])
    assert tokens.final.shape == (1, 256, 12)
