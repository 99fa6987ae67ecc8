"""Photographs of 8 or 16 bit or floats: PNG, JPEG, JPEG 2000, TIFF, BMP, WebP; arrays, tensors, Pillow's images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import lazy_loader

from looktwice.modalities.base import Adapter
from looktwice.modalities.images.recognise import is_image, takes_picture

if TYPE_CHECKING:
    from looktwice.modalities.images.pixel_map import PixelMap
    from looktwice.modalities.images.reading import read_image
    from looktwice.modalities.images.study import ImageStudy

__all__ = ["ADAPTER", "ImageStudy", "PixelMap", "is_image", "read_image"]


def _open(source: Path | Any) -> ImageStudy:
    from looktwice.modalities.images.opening import open_image

    return open_image(source)


NAME = "image"

ADAPTER = Adapter(
    kind=NAME,
    noun="image",
    matches=is_image,
    open=_open,
    takes=takes_picture,
    accepts=(
        "a picture is a Pillow image, an array (H, W) or (H, W, 3 or 4) or a tensor (3, H, W) of uint8 or of floats "
        "in [0, 1], or uint16 (H, W)"
    ),
    suffixes=(
        *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"),
        *(".gif", ".jp2", ".heic", ".heif", ".avif", ".dng", ".exr"),
    ),
    order=30,
)

# Every input is asked whether it is a picture; only those that are may cost what scikit-image takes to import.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__, submod_attrs={"pixel_map": ["PixelMap"], "reading": ["read_image"], "study": ["ImageStudy"]}
)
