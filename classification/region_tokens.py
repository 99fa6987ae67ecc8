"""What the encoder sees of a region: tokens of a crop around it, inside the region and beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from looktwice.core.study import BoolArray, ByteArray, FloatArray
from looktwice.encoders.base import VisionEncoder

# A region takes the middle 1/1.6 of a crop (its detail) or 1/4 (its surroundings).
SCALES = (1.6, 4.0)
# Below this, in pixels of the picture, enlarging shows nothing but interpolation.
LEAST_SIDE = 24
BATCH = 16


def crop_around(image: ByteArray, mask: BoolArray, scale: float, fill: int = 0) -> tuple[ByteArray, BoolArray]:
    """Cut a square around a region, `scale` times its longer side; beyond the picture it is mirrored.

    Returns
    -------
    crop : uint8, shape (S, S, 3)
    mask : bool, shape (S, S)
        The region within the crop.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    middle = (rows[0] + rows[-1] + 1) / 2, (columns[0] + columns[-1] + 1) / 2
    longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    side = round(min(max(scale * longer, LEAST_SIDE), max(mask.shape)))
    corner = [round(centre - side / 2) for centre in middle]
    indices = []
    for start, size in zip(corner, mask.shape, strict=True):
        # A crop that would leave the picture is moved back into it where it fits.
        start = min(max(start, 0), max(size - side, 0)) if side <= size else start
        indices.append(_mirrored(np.arange(start, start + side), size))
    inside = np.ix_(*indices)
    return image[inside], mask[inside]


def _mirrored(index: np.ndarray, size: int) -> np.ndarray:
    period = index % (2 * size)
    return np.where(period < size, period, 2 * size - 1 - period)


@torch.inference_mode()
def region_tokens(
    encoder: VisionEncoder, images: Sequence[ByteArray], masks: Sequence[BoolArray], levels: Sequence[int]
) -> FloatArray:
    """Describe regions by the encoder's tokens.

    For each of two crops around a region and for each level: the mean of the tokens inside the region, weighted by
    how much of a token's cell it covers, and what sets it apart from the mean of the tokens outside.

    Parameters
    ----------
    images : sequence of uint8, shape (H, W, 3)
    masks : sequence of bool, shape (H, W)
    levels : sequence of int

    Returns
    -------
    float32, shape (R, 2 · 2 · ΣC_i)
        Each part of unit length.
    """
    crops = [crop_around(image, mask, scale) for image, mask in zip(images, masks, strict=True) for scale in SCALES]
    rows = []
    for start in range(0, len(crops), BATCH):
        batch = crops[start : start + BATCH]
        tokens = encoder.encode([crop for crop, _ in batch])
        weights = torch.stack([_cover(mask, tokens.grid) for _, mask in batch])[..., None]
        parts = []
        for level in levels:
            features = tokens.levels[level].float().cpu()
            inside = (features * weights).sum(dim=1) / weights.sum(dim=1)
            outside = (features * (1 - weights)).sum(dim=1) / (1 - weights).sum(dim=1).clamp_min(1e-3)
            parts += [F.normalize(inside, dim=1), F.normalize(inside - outside, dim=1)]
        rows.append(torch.cat(parts, dim=1))
    described: FloatArray = torch.cat(rows).unflatten(0, (-1, len(SCALES))).flatten(1).numpy()
    return described


def _cover(mask: BoolArray, grid: tuple[int, int]) -> torch.Tensor:
    """Share of each token's cell that a region covers, at least a little where it lies; (N,)."""
    picture = Image.fromarray(mask.astype(np.float32)).resize(grid[::-1], Image.Resampling.BOX)
    cover = torch.from_numpy(np.asarray(picture).copy()).flatten()
    return cover if float(cover.sum()) > 0 else torch.full_like(cover, 1 / len(cover))
