"""Photographs: PNG, JPEG, TIFF, BMP and WebP of 8 or 16 bit, grey or colour."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.transform import resize

from looktwice.core.errors import InputError
from looktwice.core.study import ByteArray, FloatArray, Modality, NativeMap, Region, Study, View

# A scan of 20,000 × 20,000 pixels; beyond it a file is taken for a decompression bomb.
MAX_PIXELS = 400_000_000

_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


class PixelMap(NativeMap):
    """An anomaly map of a photograph, (H, W) like the photograph itself after its EXIF orientation."""

    def __init__(self, values: FloatArray) -> None:
        self.values = values

    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        """8-connected components above `threshold`; coordinates are (x, y) pixels."""
        labels = label(self.values >= threshold, connectivity=2)
        found = []
        for part in regionprops(labels, intensity_image=self.values):
            top, left, bottom, right = part.bbox
            row, column = part.centroid_weighted
            found.append(
                Region(
                    score=float(part.intensity_max),
                    size=int(part.area),
                    size_unit="area_px",
                    centroid=(float(column), float(row)),
                    bbox=(left, top, right, bottom),
                )
            )
        return sorted(found, key=lambda region: (region.score, region.size), reverse=True)[:limit]


class ImageStudy(Study):
    """One photograph, which is its own only view."""

    modality = Modality.IMAGE

    def __init__(self, path: Path) -> None:
        self.source = path
        self.name = path.stem
        self.notes: list[str] = []
        self._image = read_image(path)

    def views(self) -> Sequence[View]:
        """Return the photograph as its one view."""
        return [View(self._image, "image", 0)]

    def lift(self, maps: npt.NDArray[np.floating[Any]]) -> PixelMap:
        """Bring a map (1, h, w) to the photograph's own pixels, bilinearly, smoothed by half a map cell."""
        (small,) = maps
        height, width = self._image.shape[:2]
        smooth = ndimage.gaussian_filter(np.asarray(small, np.float32), 0.5)
        large = resize(smooth, (height, width), order=1, mode="edge", anti_aliasing=False, preserve_range=True)
        return PixelMap(np.clip(large, 0, 1).astype(np.float32))


def is_image(path: Path) -> bool:
    """Tell by its first bytes whether a file is one of the picture formats."""
    with path.open("rb") as stream:
        head = stream.read(16)
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def read_image(path: Path) -> ByteArray:
    """Read a picture as RGB, upright.

    16-bit pictures are brought to 8 bit by the number of bits that they use (a 12-bit radiograph in a 16-bit file is
    not black); floating-point ones by their finite range. Transparency is laid over white.

    Returns
    -------
    uint8, shape (H, W, 3)

    Raises
    ------
    InputError
        Unreadable, truncated, too large, or without any contrast.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise InputError(f"{path}: {opened.width} × {opened.height} pixels are too many; cut it into parts")
                picture = ImageOps.exif_transpose(opened)
                picture.load()
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable picture ({_one_line(error)})") from error
    rgb = _to_rgb(picture, path)
    if rgb.min() == rgb.max():
        raise InputError(f"{path}: every pixel has the same value; there is nothing to inspect")
    return rgb


def _to_rgb(picture: Image.Image, path: Path) -> ByteArray:
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = _to_8_bit(np.asarray(picture), path)
        return np.repeat(grey[..., None], 3, axis=2)
    if "A" in picture.mode or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"))


def _to_8_bit(values: npt.NDArray[Any], path: Path) -> ByteArray:
    """Integers by the bits that they use, floats by their finite range."""
    if np.issubdtype(values.dtype, np.integer) and values.min() >= 0:
        bits = max(8, int(values.max()).bit_length())
        eight: ByteArray = np.asarray(values >> (bits - 8), np.uint8)
        return eight
    finite = np.isfinite(values)
    if not finite.any():
        raise InputError(f"{path}: no pixel holds a finite value")
    low, high = float(values[finite].min()), float(values[finite].max())
    scaled = (np.where(finite, values, low) - low) / max(high - low, np.finfo(np.float32).tiny)
    return np.asarray(np.rint(scaled * 255), np.uint8)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).replace(str(Path.home()), "~") or type(error).__name__
