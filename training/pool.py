"""Training pictures of the adapted encoder: drawn once per source, varied, and encoded up to the first adapted block.

Whatever precedes the first adapted block never changes, so that its output is computed once for any number of epochs
and folds. What is drawn of one source depends on no other source: a fold trains on the same pictures as the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from looktwice.core.batches import batched
from looktwice.core.errors import InputError
from looktwice.core.study import ByteArray
from looktwice.datasets.masks import load_mask
from looktwice.datasets.synthesis.images import synthesize
from looktwice.encoders.dinov2 import DinoV2Small
from looktwice.modalities.images import read_image  # kind: adapters are trained on pictures
from looktwice.training.corpus import Source
from looktwice.training.tensor_file import write_tensors

BATCH = 16
# Shares of a picture's sides that a random crop keeps; a normal crop beside an anomaly may be smaller.
CROP, NORMAL_CROP = (0.5, 1.0), (0.3, 0.7)
# A crop shows an anomaly if this share of it is anomalous.
LEAST_ANOMALOUS = 0.001
TRIES = 10

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Drawn:
    """One varied training picture.

    Attributes
    ----------
    image : uint8, shape (S, S, 3)
    label : int
    mask : bool, shape (S, S), optional
        None where the place of the anomaly is not known.

    Examples
    --------
    >>> Drawn(np.zeros((28, 28, 3), np.uint8), 0, np.zeros((28, 28), bool)).label
    0
    """

    image: ByteArray
    label: int
    mask: BoolArray | None


@dataclass
class Pool:
    """Training pictures of one or more sources, encoded up to the first adapted block.

    Attributes
    ----------
    hidden : Tensor, (E, 1 + N, C), float16
        What goes into that block; the class token first.
    labels : Tensor, (E,), float32
    cells : Tensor, (E, h, w), float32
        Anomalous share of each cell, half its mean and half its maximum, so that thin flaws count.
    known : Tensor, (E,), float32
        1 where the place of the anomaly is known, or where there is none.
    sources : list of str

    Examples
    --------
    >>> tile = Pool(torch.zeros(2, 5, 8).half(), torch.zeros(2), torch.zeros(2, 2, 2), torch.ones(2), ["tile", "tile"])
    >>> len(Pool.join([tile, tile]))
    4
    """

    hidden: Tensor
    labels: Tensor
    cells: Tensor
    known: Tensor
    sources: list[str]

    def __len__(self) -> int:
        return len(self.labels)

    @staticmethod
    def join(parts: Sequence[Pool]) -> Pool:
        """Put several sources together."""
        return Pool(
            torch.cat([part.hidden for part in parts]),
            torch.cat([part.labels for part in parts]),
            torch.cat([part.cells for part in parts]),
            torch.cat([part.known for part in parts]),
            [name for part in parts for name in part.sources],
        )

    def save(self, path: Path) -> None:
        """Write the pool, by a temporary name."""
        write_tensors({field.name: getattr(self, field.name) for field in fields(self)}, path)

    @staticmethod
    def load(path: Path) -> Pool:
        """Read a pool that `save` wrote."""
        return Pool(**torch.load(path, weights_only=True))


class PictureSource:
    """Draws varied pictures of one source: half of them normal, the others with real or painted anomalies.

    Parameters
    ----------
    source : Source
    side : int
        Of the pictures, in pixels.
    donors : sequence of Source
        Where foreign material is taken from.

    Examples
    --------
    >>> tile = Source("tile", pictures=[np.arange(4096, dtype=np.uint8).reshape(64, 64, 1).repeat(3, axis=2)])
    >>> drawn = [*PictureSource(tile, 56, [tile]).draw(8, np.random.default_rng(0))]
    >>> [one.label for one in drawn], drawn[1].image.shape
    ([0, 1, 0, 1, 0, 1, 0, 1], (56, 56, 3))
    """

    def __init__(self, source: Source, side: int, donors: Sequence[Source]) -> None:
        self._source, self._side = source, side
        self._donors = [donor for donor in donors if donor.has_normals]
        # An uncropped picture would tell a real anomaly whose place is unknown from a cropped normal one.
        self._crops = all(sample.mask is not None for sample in source.anomalies)

    def draw(self, count: int, rng: np.random.Generator) -> Iterator[Drawn]:
        """Yield `count` pictures, normal and anomalous in turn."""
        source = self._source
        for number in range(count):
            if number % 2 == 0:
                drawn = self._normal(rng) or self._real(rng)
            elif source.anomalies and (number % 4 == 1 or not source.has_normals):
                drawn = self._real(rng)
            else:
                drawn = self._painted(rng)
            yield self._varied(drawn, rng)

    def _normal(self, rng: np.random.Generator) -> Drawn | None:
        """Return a normal picture, or a normal crop beside an anomaly; None where there is none."""
        if self._source.has_normals:
            image = self._source.draw_normal(rng)
            drawn = Drawn(image, 0, np.zeros(image.shape[:2], bool))
            return self._cropped(drawn, rng, CROP) if self._crops and rng.random() < 0.5 else drawn
        for _ in range(TRIES):
            real = self._labelled(rng)
            if real.mask is None:
                continue
            crop = self._cropped(real, rng, NORMAL_CROP)
            if crop.mask is not None and not crop.mask.any():
                return Drawn(crop.image, 0, crop.mask)
        return None

    def _real(self, rng: np.random.Generator) -> Drawn:
        real = self._labelled(rng)
        if real.mask is None or rng.random() < 0.5:
            return real
        for _ in range(TRIES):
            crop = self._cropped(real, rng, CROP if self._source.has_normals else NORMAL_CROP)
            if crop.mask is not None and crop.mask.mean() >= LEAST_ANOMALOUS:
                return crop
        return real

    def _painted(self, rng: np.random.Generator) -> Drawn:
        normal = self._normal(rng)
        assert normal is not None
        donor = self._donors[int(rng.integers(len(self._donors)))].draw_normal(rng)
        image, mask, _ = synthesize(_resized(normal.image, self._side), rng, donor=_resized(donor, self._side))
        return Drawn(image, 1, mask)

    def _labelled(self, rng: np.random.Generator) -> Drawn:
        """Return a real anomaly, whole."""
        sample = self._source.anomalies[int(rng.integers(len(self._source.anomalies)))]
        image = read_image(sample.path)
        try:
            mask = load_mask(sample, image.shape[:2])
        except InputError:
            mask = None
        return Drawn(image, 1, mask if mask is not None and mask.any() else None)

    @staticmethod
    def _cropped(drawn: Drawn, rng: np.random.Generator, share: tuple[float, float]) -> Drawn:
        height, width = drawn.image.shape[:2]
        kept = rng.uniform(*share)
        rows, columns = max(16, int(height * kept)), max(16, int(width * kept))
        top, left = (int(rng.integers(max(0, whole - part) + 1)) for whole, part in ((height, rows), (width, columns)))
        window = np.s_[top : top + rows, left : left + columns]
        return Drawn(drawn.image[window], drawn.label, None if drawn.mask is None else drawn.mask[window])

    def _varied(self, drawn: Drawn, rng: np.random.Generator) -> Drawn:
        """Rotate, mirror, and change brightness, contrast and colour: what must not matter."""
        image = _resized(drawn.image, self._side)
        mask = None if drawn.mask is None else _resized_mask(drawn.mask, self._side)
        turns = int(rng.integers(4)) if rng.random() < 0.5 else 0
        mirrored = rng.random() < 0.5
        image = np.rot90(image, turns)[:, :: -1 if mirrored else 1]
        if mask is not None:
            mask = np.rot90(mask, turns)[:, :: -1 if mirrored else 1]
        varied = image.astype(np.float32)
        if rng.random() < 0.5:
            varied = (varied - 128) * rng.uniform(0.7, 1.3) + 128 + rng.uniform(-25, 25)
        if rng.random() < 0.2:
            varied = np.repeat(varied.mean(axis=2, keepdims=True), 3, axis=2)
        return Drawn(np.clip(varied, 0, 255).astype(np.uint8), drawn.label, mask)


@torch.inference_mode()
def fill_pool(encoder: DinoV2Small, first_block: int, name: str, pictures: Iterator[Drawn]) -> Pool:
    """Encode pictures up to a block of the encoder's network.

    Parameters
    ----------
    encoder : DinoV2Small
    first_block : int
        The first adapted block, 0-based.
    name : str
        Of the source.
    pictures : iterator of Drawn
    """
    parts = []
    for batch in batched(pictures, BATCH):
        cells = torch.stack([_cells(one.mask, encoder.grid) for one in batch])
        known = torch.tensor([float(one.mask is not None) for one in batch])
        labels = torch.tensor([float(one.label) for one in batch])
        hidden = encoder.hidden(encoder.preprocess([one.image for one in batch]), first_block).half()
        parts.append(Pool(hidden, labels, cells, known, [name] * len(batch)))
    joined = Pool.join(parts)
    # Cloned outside inference mode, whose tensors cannot be trained on.
    return Pool(joined.hidden.clone(), joined.labels, joined.cells, joined.known, joined.sources)


def _cells(mask: BoolArray | None, grid: tuple[int, int]) -> Tensor:
    if mask is None:
        return torch.zeros(grid)
    pixels = torch.from_numpy(np.ascontiguousarray(mask)).float()[None]
    return ((F.adaptive_avg_pool2d(pixels, grid) + F.adaptive_max_pool2d(pixels, grid)) / 2)[0]


def _resized(image: ByteArray, side: int) -> ByteArray:
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((side, side), Image.Resampling.BILINEAR))


def _resized_mask(mask: BoolArray, side: int) -> BoolArray:
    # Any anomalous pixel counts: thin flaws would vanish by nearest neighbour.
    grey = Image.fromarray(mask.astype(np.uint8) * 255).resize((side, side), Image.Resampling.BOX)
    resized: BoolArray = np.asarray(grey) >= 64
    return resized
