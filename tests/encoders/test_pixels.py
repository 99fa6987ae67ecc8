"""Resizing and normalising pictures of mixed sizes into one batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from looktwice.encoders.pixels import resize_batch


def test_pictures_of_the_right_size_are_only_normalised():
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    (batch,) = resize_batch([picture], 16, mean=0.5, std=0.5)
    torch.testing.assert_close(batch, torch.from_numpy(picture / 127.5 - 1).float().permute(2, 0, 1))


def test_mixed_sizes_keep_their_order():
    shades = [10, 200, 90, 40]
    sizes = [(8, 8), (20, 12), (8, 8), (16, 16)]
    pictures = [np.full((*size, 3), shade, np.uint8) for size, shade in zip(sizes, shades, strict=True)]
    batch = resize_batch(pictures, 16, mean=0.0, std=1.0)
    assert batch.shape == (4, 3, 16, 16)
    torch.testing.assert_close(batch.mean(dim=(1, 2, 3)) * 255, torch.tensor(shades).float())


def test_the_whole_extent_is_kept():
    picture = np.zeros((10, 40, 3), np.uint8)
    picture[:, -4:] = 255  # the last tenth
    (batch,) = resize_batch([picture], 20, mean=0.0, std=1.0)
    assert batch[:, :, -1].min() > 0.9
    assert batch[:, :, :16].max() < 0.05


def test_shrinking_is_antialiased():
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[::2] = 255
    (batch,) = resize_batch([picture], 16, mean=0.0, std=1.0)
    assert (batch - 0.5).abs().max() < 0.1


@pytest.mark.parametrize(
    "picture",
    [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)],
    ids=["grey", "alpha", "float"],
)
def test_what_is_no_rgb_picture_is_refused(picture):
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        resize_batch([picture], 16, mean=0.5, std=0.5)
