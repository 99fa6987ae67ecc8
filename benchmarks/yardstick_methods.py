"""Published and plain methods to measure against, as their papers state them, with nothing tuned per set.

- ``plain``: nearest neighbours of three feature maps (DINOv2 block 8; EfficientNet-Lite0 levels at strides 8 and 16,
  and its deepest), each divided by the references' own leave-one-out level; the score is the mean of the worst 1 %.
- ``anomaly_dino``: AnomalyDINO (Damm et al., WACV 2025): cosine distance of DINOv2's last patch tokens to a memory bank
  of the references in eight rotations, mean of the worst 1 %.
- ``musc``: MuSc (Li et al., ICLR 2024): the mean distance of patches, pooled over 1, 3 and 5, to their nearest 30 % of
  the other images, over four blocks; re-scored among the 1, 2 and 3 images that are nearest by the class token.

Tokens are (V, N, C) on square grids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from looktwice.encoders.dinov2 import DinoV2Small
from looktwice.encoders.efficientnet import EfficientNetLite0

Picture = npt.NDArray[np.uint8]

BATCH = 8
WORST = 0.01
PLAIN_GRID = 32
ROTATIONS = range(0, 360, 45)
NEAREST_SHARE = 0.3
POOLED_OVER = (1, 3, 5)
NEIGHBOURS = (1, 2, 3)


@dataclass
class Features:
    """Half-precision features of images.

    Attributes
    ----------
    blocks : list of Tensor, each (V, N, C)
        Of DINOv2: blocks 2, 5, 8 and 11.
    global_token : Tensor, (V, C)
        Its class token.
    fine, deep : Tensor, (V, N', C')
        EfficientNet-Lite0's levels at strides 8 and 16 together, and its deepest one, each averaged over 3 x 3.
    """

    blocks: list[Tensor]
    global_token: Tensor
    fine: Tensor
    deep: Tensor

    def rows(self, index: Sequence[int]) -> Features:
        """Return the features of some of the images."""
        picked = list(index)
        blocks = [block[picked] for block in self.blocks]
        return Features(blocks, self.global_token[picked], self.fine[picked], self.deep[picked])


class FeatureReader:
    """Both encoders at one input size."""

    def __init__(self, side: int = 448) -> None:
        self.dino, self.lite = DinoV2Small(side), EfficientNetLite0(side)

    @torch.inference_mode()
    def read(self, pictures: Sequence[Picture]) -> Features:
        """Return the features of pictures."""
        parts: list[list[Tensor]] = []
        for start in range(0, len(pictures), BATCH):
            batch = pictures[start : start + BATCH]
            network, pixels = self.dino.network, self.dino.preprocess(batch)
            blocks, whole = [], None
            for tokens, prefix in network.forward_intermediates(
                pixels, indices=[2, 5, 8, 11], norm=True, intermediates_only=True, output_fmt="NLC",
                return_prefix_tokens=True,
            ):  # fmt: skip
                blocks.append(tokens)
                whole = prefix[:, 0]
            assert whole is not None
            levels = self.lite(self.lite.preprocess(batch)).levels
            pooled = [_pooled(level, 3) for level in levels]
            parts.append([*blocks, whole, torch.cat(pooled[1:3], dim=-1), pooled[3]])
        *blocks, whole, fine, deep = (torch.cat(one).half() for one in zip(*parts, strict=True))
        return Features(blocks, whole, fine, deep)

    @torch.inference_mode()
    def rotated(self, pictures: Sequence[Picture]) -> Tensor:
        """Return the last block's tokens (V · R, N, C) of pictures in every rotation."""
        turned = [
            np.asarray(Image.fromarray(picture).rotate(angle, Image.Resampling.BILINEAR))
            for picture in pictures
            for angle in ROTATIONS
        ]
        batches = [turned[start : start + BATCH] for start in range(0, len(turned), BATCH)]
        return torch.cat([self.dino.encode(batch).final.half() for batch in batches])


def plain(references: Features, tested: Features) -> Tensor:
    """Return the plain recipe's score of each tested image."""
    total: Tensor | None = None
    for name in ("block", "fine", "deep"):
        r, t = ((one.blocks[2] if name == "block" else getattr(one, name)).float() for one in (references, tested))
        if name != "block":
            mean, std = r.flatten(0, 1).mean(dim=0), r.flatten(0, 1).std(dim=0) + 1e-6
            r, t = (r - mean) / std, (t - mean) / std
        cosine = name == "block"
        own = torch.stack([_nearest(r[i], torch.cat([*r[:i], *r[i + 1 :]]), cosine) for i in range(len(r))])
        maps = torch.stack([_nearest(one, r.flatten(0, 1), cosine) for one in t]) / worst(own).median()
        square = maps.unflatten(1, (1, round(maps.shape[1] ** 0.5), -1))
        same = F.interpolate(square, (PLAIN_GRID, PLAIN_GRID), mode="bilinear").flatten(1)
        total = same if total is None else total + same
    assert total is not None
    return worst(total)


def anomaly_dino(rotated: Tensor, tested: Features) -> Tensor:
    """Return AnomalyDINO's score of each tested image, given the tokens of the rotated references."""
    bank = rotated.float().flatten(0, 1)
    return worst(torch.stack([_nearest(one.float(), bank, cosine=True) for one in tested.blocks[3]]))


def musc(cohort: Features) -> Tensor:
    """Return MuSc's score of each member of a cohort."""
    total: Tensor | None = None
    for block in cohort.blocks:
        for side in POOLED_OVER:
            tokens = F.normalize(_pooled(block.float(), side), dim=-1)
            rows = []
            for index, own in enumerate(tokens):
                nearest = torch.stack(
                    [(own @ other.T).amax(dim=1) for number, other in enumerate(tokens) if number != index], dim=1
                )
                distances = (2 - 2 * nearest).clamp_min(0).sqrt()
                kept = max(1, round(NEAREST_SHARE * distances.shape[1]))
                rows.append(distances.topk(kept, dim=1, largest=False).values.mean(dim=1))
            total = torch.stack(rows) if total is None else total + torch.stack(rows)
    assert total is not None
    return _among_neighbours(total.amax(dim=1), F.normalize(cohort.global_token.float(), dim=1))


def _among_neighbours(scores: Tensor, tokens: Tensor) -> Tensor:
    """Average scores over the nearest images by the class token, weighted by likeness (MuSc's RsCIN)."""
    likeness = tokens @ tokens.T
    rescored = torch.zeros_like(scores)
    for count in NEIGHBOURS:
        values, which = likeness.topk(count, dim=1)
        weights = values / values.sum(dim=1, keepdim=True)
        rescored += (weights * scores[which]).sum(dim=1)
    return rescored / len(NEIGHBOURS)


def worst(maps: Tensor) -> Tensor:
    """Return the mean of the worst 1 % of each map (V, N)."""
    return maps.topk(max(1, int(maps.shape[1] * WORST)), dim=1).values.mean(dim=1)


def _nearest(tokens: Tensor, bank: Tensor, cosine: bool) -> Tensor:
    if cosine:
        return 1 - (F.normalize(tokens, dim=-1) @ F.normalize(bank, dim=-1).T).amax(dim=1)
    return torch.cdist(tokens, bank).amin(dim=1)


def _pooled(tokens: Tensor, side: int) -> Tensor:
    if side == 1:
        return tokens
    square = tokens.transpose(1, 2).unflatten(2, (round(tokens.shape[1] ** 0.5), -1))
    return F.avg_pool2d(square, side, 1, side // 2, count_include_pad=False).flatten(2).transpose(1, 2)
