"""Normal material: what a few normal photographs say of another one, calibrated by holding half of them out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.finding import Finding, Join, ViewHeat
from looktwice.core.rates import RATES
from looktwice.core.study import ByteArray
from looktwice.evidence.base import Typical
from looktwice.evidence.comparisons.gallery import OTHER_OBJECT_NOTE, Gallery
from looktwice.evidence.comparisons.patch_features import PatchFeatures
from looktwice.evidence.comparisons.patches import References
from looktwice.evidence.comparisons.photographs import LEAST_REFERENCES, describe
from looktwice.evidence.comparisons.studies import check_enough
from looktwice.evidence.encoding import EncodedViews
from looktwice.evidence.expert import Expert
from looktwice.evidence.settings import Settings, TileSettings

# Fewer references cannot be halved: both halves must know how normal ones differ.
LEAST_TO_HALVE = 4


class TiledReferences:
    """A few normal photographs to compare others with, whole and in tiles, by the encoder's own pass alone.

    Logits of score and map are 0 where one half of the references, judged by the other, has its false alarms, so that
    they hold for this material and not for materials at large. Fewer than four references cannot be halved: even odds
    are then 2.5 standard deviations above the references' own tokens. What a photograph shows alone does not count.

    Parameters
    ----------
    expert : Expert
    pictures : sequence of uint8, shape (H, W, 3)

    Raises
    ------
    UsageError
        Fewer than two pictures.

    Examples
    --------
    Four grey plates, and one with a red spot; colours stand for tokens:

    >>> from types import SimpleNamespace
    >>> from looktwice.core.tokens import Tokens
    >>> from looktwice.encoders.pixels import resize_batch
    >>> from looktwice.evidence.config import ExpertConfig
    >>> from looktwice.evidence.self_reference_maps import FeatureLevel
    >>> def encode(pictures):
    ...     colours = resize_batch(pictures, 8, mean=0.0, std=1.0).flatten(2).mT
    ...     return Tokens(colours, [colours], (8, 8))
    >>> config, encoder = ExpertConfig("", {}, 16, (FeatureLevel(0, 1),)), SimpleNamespace(encode=encode)
    >>> plates = np.random.default_rng(0).integers(90, 110, (5, 64, 64, 3), np.uint8)
    >>> plates[4, 16:32, 16:32, 0] = 255
    >>> references = TiledReferences(SimpleNamespace(config=config, encoder=encoder), list(plates[:4]))
    >>> references.compare(plates[4], None, Finding("self_reference", 0.0), typical=None).score > 0.5
    True
    """

    def __init__(self, expert: Expert, pictures: Sequence[ByteArray]) -> None:
        check_enough(pictures, LEAST_REFERENCES)
        self._expert, self._pictures = expert, list(pictures)
        self._settings = settings = expert.config.settings
        described = [describe(expert, _tiled(pictures, count)) for count in settings.tiles.tiles]
        self._references = [References(one, settings=settings) for one in described]
        self._gallery = Gallery(described[0].global_descriptor, settings.photographs.another_object_z)
        self._offsets = (0.0, 0.0)
        if len(pictures) >= LEAST_TO_HALVE:
            self._offsets = _calibrate(described, len(pictures), settings)

    def keep(self, views: EncodedViews) -> Sequence[None]:
        """Keep nothing: tiles are encoded when a photograph is compared."""
        return [None] * len(views.crop_counts)

    @torch.inference_mode()
    def compare(self, picture: ByteArray, kept: None, own: Finding, typical: Typical | None) -> Finding:
        """Compare one photograph; `kept`, `own` and `typical` say nothing here."""
        described = [describe(self._expert, _tiled([picture], count)) for count in self._settings.tiles.tiles]
        (places,) = _places(self._references, described, self._settings.tiles)
        logit = float(_score(places[None], self._settings.tiles)[0]) - self._offsets[0]
        heat = (places - self._offsets[1]).sigmoid().float().cpu().numpy()[None]
        nearest, another = self._gallery.nearest(described[0].global_descriptor)
        notes = (OTHER_OBJECT_NOTE,) if another else ()
        return Finding(
            "references", logit, ViewHeat(heat), Join.REPLACE, notes=notes, reference=self._pictures[nearest]
        )


def _tiled(images: Sequence[ByteArray], count: int) -> list[ByteArray]:
    """Cut pictures into count × count tiles, row by row, picture by picture."""
    tiles = []
    for image in images:
        for band in np.array_split(image, count, axis=0):
            tiles += np.array_split(band, count, axis=1)
    return tiles


def _places(references: Sequence[References], described: Sequence[PatchFeatures], settings: TileSettings) -> Tensor:
    """Return map logits (V, h, w): the mean over the scales, on the grid of the finest."""
    by_scale = []
    for count, reference, one in zip(settings.tiles, references, described, strict=True):
        maps, _ = reference.compare(one)
        rows, columns = maps.shape[1:]
        whole = maps.unflatten(0, (-1, count, count)).permute(0, 1, 3, 2, 4)
        by_scale.append(whole.reshape(-1, count * rows, count * columns))
    size = by_scale[-1].shape[1:]
    enlarged = [F.interpolate(one[:, None], size, mode="bilinear", align_corners=False)[:, 0] for one in by_scale]
    return torch.stack(enlarged).mean(dim=0)


def _score(places: Tensor, settings: TileSettings) -> Tensor:
    count = max(3, round(settings.worst_share * places[0].numel()))
    return places.flatten(1).topk(count, dim=1).values.mean(dim=1)


@torch.inference_mode()
def _calibrate(described: Sequence[PatchFeatures], pictures: int, settings: Settings) -> tuple[float, float]:
    """Return the logits of score and places that are even odds: each half of the references judged by the other."""
    scores, places = [], []
    for first in (0, 1):
        scales = list(zip(described, settings.tiles.tiles, strict=True))
        judges = [_take(one, range(first, pictures, 2), count) for one, count in scales]
        judged = [_take(one, range(1 - first, pictures, 2), count) for one, count in scales]
        found = _places([References(one, settings=settings) for one in judges], judged, settings.tiles)
        scores.append(_score(found, settings.tiles))
        places.append(found.flatten())
    joined = torch.cat(places).cpu().numpy()
    return (
        float(np.quantile(torch.cat(scores).cpu().numpy(), 1 - RATES.pictures)),
        float(np.quantile(joined, 1 - RATES.picture_places)),
    )


def _take(described: PatchFeatures, pictures: Sequence[int], count: int) -> PatchFeatures:
    tiles = [picture * count**2 + tile for picture in pictures for tile in range(count**2)]
    return described.rows(tiles)
