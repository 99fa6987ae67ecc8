"""Normal material: what a few normal photographs say of another one, calibrated by holding half of them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.study import ByteArray, FloatArray
from looktwice.evidence.comparisons.patch_features import PatchFeatures
from looktwice.evidence.comparisons.patches import References

# A picture is compared whole and in so many tiles a side: a token of a tile is that much finer.
TILES = (1, 2)
# Of normal pictures, so many may be called anomalous; of places in them, so many may lie inside a contour.
FALSE_ALARMS = 0.05
FALSE_PLACES = 0.002
# A picture is as anomalous as the mean of this share of its places, the worst ones.
WORST_SHARE = 0.003
# Fewer references cannot be halved: both halves must know how normal ones differ.
LEAST_TO_HALVE = 4
# Distance of the global descriptor from the nearest reference's, in standard deviations among references, from which a
# picture is taken for one of another thing.
ANOTHER_OBJECT = 8.0

Describe = Callable[[Sequence[ByteArray]], PatchFeatures]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A photograph against normal material.

    Attributes
    ----------
    score : float
        In [0, 1]; at 0.5, one in twenty normal pictures lies above.
    heat : float32, shape (h, w)
        In [0, 1]; at 0.5, two in a thousand places of normal pictures lie above.
    nearest : int
        Which reference looks most alike.
    another_object : bool
    """

    score: float
    heat: FloatArray
    nearest: int
    another_object: bool


class NormalMaterial:
    """A few normal photographs to compare others with, whole and in tiles.

    The levels at which score and map are even odds come from one half of the references judged by the other, so that
    they hold for this material and not for materials at large; fewer than four references cannot be halved, and even
    odds are then 2.5 standard deviations above the references' own tokens.

    Parameters
    ----------
    images : sequence of uint8, shape (H, W, 3)
        At least two.
    describe : callable
        Encodes pictures for comparison.
    """

    def __init__(self, images: Sequence[ByteArray], describe: Describe) -> None:
        self._describe = describe
        described = [describe(_tiled(images, count)) for count in TILES]
        self._references = [References(one) for one in described]
        self._whole = described[0].whole
        self._offsets = (0.0, 0.0)
        if len(images) >= LEAST_TO_HALVE:
            self._offsets = _calibrate(described, len(images))

    @torch.inference_mode()
    def compare(self, image: ByteArray) -> Comparison:
        """Compare one photograph."""
        described = [self._describe(_tiled([image], count)) for count in TILES]
        (places,) = _places(self._references, described)
        score, heat = float(_score(places[None])[0]) - self._offsets[0], places - self._offsets[1]
        apart = torch.cdist(described[0].whole, self._whole)[0]
        return Comparison(
            score=float(torch.tensor(score).sigmoid()),
            heat=heat.sigmoid().float().cpu().numpy(),
            nearest=int(apart.argmin()),
            another_object=bool(self._strangeness(apart.amin()) > ANOTHER_OBJECT),
        )

    def _strangeness(self, apart: Tensor) -> Tensor:
        """Distance from the nearest reference, in standard deviations of the logarithm among references."""
        among = torch.cdist(self._whole, self._whole).fill_diagonal_(float("inf")).amin(dim=1)
        usual = among.clamp_min(1e-3).log()
        spread = usual.std().clamp_min(0.1)
        strangeness: Tensor = (apart.clamp_min(1e-3).log() - usual.mean()) / spread
        return strangeness


def _tiled(images: Sequence[ByteArray], count: int) -> list[ByteArray]:
    """Cut pictures into count × count tiles, row by row, picture by picture."""
    tiles = []
    for image in images:
        for band in np.array_split(image, count, axis=0):
            tiles += np.array_split(band, count, axis=1)
    return tiles


def _places(references: Sequence[References], described: Sequence[PatchFeatures]) -> Tensor:
    """Return map logits (V, h, w): the mean over the scales, on the grid of the finest."""
    by_scale = []
    for count, reference, one in zip(TILES, references, described, strict=True):
        maps, _ = reference.compare(one)
        rows, columns = maps.shape[1:]
        whole = maps.unflatten(0, (-1, count, count)).permute(0, 1, 3, 2, 4)
        by_scale.append(whole.reshape(-1, count * rows, count * columns))
    size = by_scale[-1].shape[1:]
    enlarged = [F.interpolate(one[:, None], size, mode="bilinear", align_corners=False)[:, 0] for one in by_scale]
    return torch.stack(enlarged).mean(dim=0)


def _score(places: Tensor) -> Tensor:
    count = max(3, round(WORST_SHARE * places[0].numel()))
    return places.flatten(1).topk(count, dim=1).values.mean(dim=1)


@torch.inference_mode()
def _calibrate(described: Sequence[PatchFeatures], pictures: int) -> tuple[float, float]:
    """Return the logits of score and places that are even odds: each half of the references judged by the other."""
    scores, places = [], []
    for first in (0, 1):
        judges = [_take(one, range(first, pictures, 2), count) for one, count in zip(described, TILES, strict=True)]
        judged = [_take(one, range(1 - first, pictures, 2), count) for one, count in zip(described, TILES, strict=True)]
        found = _places([References(one) for one in judges], judged)
        scores.append(_score(found))
        places.append(found.flatten())
    joined = torch.cat(places).cpu().numpy()
    return (
        float(np.quantile(torch.cat(scores).cpu().numpy(), 1 - FALSE_ALARMS)),
        float(np.quantile(joined, 1 - FALSE_PLACES)),
    )


def _take(described: PatchFeatures, pictures: Sequence[int], count: int) -> PatchFeatures:
    tiles = [picture * count**2 + tile for picture in pictures for tile in range(count**2)]
    return described.rows(tiles)
