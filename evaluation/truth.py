"""Bringing a scorer's map and the ground truth of a sample onto one grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from looktwice.core.errors import InputError
from looktwice.datasets.files import IMAGES, suffix
from looktwice.datasets.masks import load_mask
from looktwice.datasets.sample import Sample

PIXEL_SIDE = 512
"""Longest side, in pixels, of the grid on which photographs are compared; larger masks are sampled down to it."""

_ORIENTATION = 0x0112


def image_size(path: Path) -> tuple[int, int]:
    """Return (H, W) of a photograph as it is shown, without decoding it.

    Raises
    ------
    InputError
        The file is no readable picture.
    """
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            turned = picture.getexif().get(_ORIENTATION, 1) >= 5
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as an image: {error}") from None
    return (width, height) if turned else (height, width)


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """Decode a photograph as it is shown, uint8 of shape (H, W, 3).

    Raises
    ------
    InputError
        The file is no readable picture.
    """
    try:
        with Image.open(path) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as an image: {error}") from None


def is_picture(path: Path, heatmap: npt.NDArray[np.floating[Any]] | None) -> bool:
    """Tell photographs from volumes and clouds by the map, or without one by the file name.

    The name alone misleads: the scans of MVTec 3D-AD are TIFF files, as photographs are.
    """
    return suffix(path) in IMAGES if heatmap is None else heatmap.ndim == 2


def align(
    sample: Sample, heatmap: npt.NDArray[np.floating[Any]], size: tuple[int, ...], pixel_side: int = PIXEL_SIDE
) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.bool_]] | None:
    """Return a sample's map and mask on one grid.

    Photographs: the grid of the mask, at most `pixel_side` pixels long; the map is interpolated bilinearly to it,
    the mask sampled at the nearest pixel. Volumes and clouds are compared voxel by voxel and point by point.

    Parameters
    ----------
    sample : Sample
    heatmap : float
        (h, w), (I, J, K) or (P,).
    size : tuple of int
        The input's own grid.
    pixel_side : int
        0 keeps the mask's own size.

    Returns
    -------
    (scores, mask), or None where the place of the anomaly is not known.

    Raises
    ------
    InputError
        The mask cannot be read or does not have the size of its input; the map has the wrong number of dimensions.
    """
    if len(size) != heatmap.ndim:
        raise InputError(f"a map of shape {heatmap.shape} does not fit {sample.path.name}")
    if len(size) == 1:
        mask = _point_mask(sample, size[0])
        return None if mask is None else (heatmap, mask)
    if len(size) != 2:
        mask = load_mask(sample, size)
        return None if mask is None else (heatmap, mask)
    grid = _grid(size, pixel_side)
    if sample.label == 0 and sample.mask is None:
        return _resize(heatmap, grid), np.zeros(grid, bool)
    mask = load_mask(sample, size)
    if mask is None:
        return None
    if grid != size:
        mask = np.asarray(Image.fromarray(mask).resize(grid[::-1], Image.Resampling.NEAREST))
    return _resize(heatmap, grid), mask


def _point_mask(sample: Sample, points: int) -> npt.NDArray[np.bool_] | None:
    """Read the mask of a cloud: a value for each point, or a picture on the pixel grid of an organised scan."""
    if sample.mask is None:
        return load_mask(sample, (points,))
    mask = load_mask(sample)
    if mask is None or mask.size != points:
        return load_mask(sample, (points,))  # says what does not fit
    return mask.ravel()


def _grid(size: tuple[int, ...], pixel_side: int) -> tuple[int, int]:
    height, width = size
    scale = pixel_side / max(height, width) if pixel_side else 1.0
    if scale >= 1.0:
        return height, width
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resize(heatmap: npt.NDArray[np.floating[Any]], grid: tuple[int, int]) -> npt.NDArray[np.floating[Any]]:
    if heatmap.shape == grid:
        return heatmap
    picture = Image.fromarray(np.ascontiguousarray(heatmap, np.float32))
    return np.asarray(picture.resize(grid[::-1], Image.Resampling.BILINEAR))
