"""Overlaying an anomaly map on its image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from looktwice.core.colours import CONTOUR_RGB, heat_lut
from looktwice.core.study import BoolArray, ByteArray, FloatArray

HEAT_LEVELS = 240
CONTOUR_LEVELS = 16
CONTOUR_WIDTH = 1.6
"""Minimum width of the contour at the threshold, in pixels."""

CONTOUR_SHARE = 1 / 350
"""Width of the contour on large images, as a fraction of the longer side, because they are viewed at reduced size."""


@dataclass(frozen=True)
class HeatLayer:
    """A semi-transparent overlay: the heat, and a thin contour where it crosses the threshold.

    The first 240 palette entries are heat colours. The last 16 are the contour, by how much of the pixel it covers.
    Along the contour the heat equals the threshold, so the colour below is known and its smooth edge fits a palette.

    Attributes
    ----------
    index : uint8, shape (H, W)
    palette : uint8, shape (256, 4)
        RGBA, not premultiplied.

    Examples
    --------
    >>> grey = np.full((4, 4, 3), 128, np.uint8)
    >>> heat = np.zeros((4, 4), np.float32)
    >>> heat[0, 0] = 1.0
    >>> drawn = heat_layer(heat, (4, 4), threshold=2.0).over(grey)
    >>> (drawn[0, 0] == grey[0, 0]).all().item(), (drawn[3, 3] == grey[3, 3]).all().item()
    (False, True)
    """

    index: ByteArray
    palette: ByteArray

    def over(self, image: ByteArray) -> ByteArray:
        """Return `image`, uint8 of shape (H, W, 3), with the overlay drawn on it."""
        colour = self.palette[self.index].astype(np.float32)
        alpha = colour[..., 3:] / 255.0
        return np.round(image * (1.0 - alpha) + colour[..., :3] * alpha).astype(np.uint8)

    def as_image(self) -> Image.Image:
        """Return the overlay as a palette image with transparency, which PNG stores in few bytes."""
        picture = Image.fromarray(self.index)
        picture.putpalette(self.palette[:, :3].tobytes())
        picture.info["transparency"] = self.palette[:, 3].tobytes()
        return picture


def heat_layer(heat: FloatArray, size: tuple[int, int], threshold: float) -> HeatLayer:
    """Return the overlay of an anomaly map.

    Parameters
    ----------
    heat : float, shape (h, w)
        In [0, 1], not normalised; it covers the full extent of the image.
    size : (int, int)
        Width and height of the image, in pixels.
    threshold : float
        Level of the contour.

    Returns
    -------
    HeatLayer
        Of shape (height, width).
    """
    smooth = resize_heat(heat, size)
    index = np.round(smooth * (HEAT_LEVELS - 1)).astype(np.uint8)
    coverage = np.round(_contour_coverage(smooth, threshold) * CONTOUR_LEVELS).astype(np.uint8)
    index = np.where(coverage > 0, HEAT_LEVELS - 1 + coverage, index).astype(np.uint8)
    return HeatLayer(index=index, palette=_palette(threshold))


def resize_heat(heat: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Resize `heat`, shape (h, w), to `size` (width, height), bicubic and clipped to [0, 1]; NaN counts as 0."""
    finite = np.nan_to_num(heat.astype(np.float32, copy=False))
    if size != (heat.shape[1], heat.shape[0]):
        finite = np.asarray(Image.fromarray(finite).resize(size, Image.Resampling.BICUBIC))
    return np.clip(finite, 0.0, 1.0)


def _contour_coverage(heat: FloatArray, threshold: float) -> FloatArray:
    """Return how much of each pixel, in [0, 1], the contour ``heat == threshold`` covers.

    To first order, the distance to the contour is ``|heat - threshold| / |gradient|``. This is meaningless where the
    map is flat, so only pixels close to one on the other side of the threshold are drawn.
    """
    if min(heat.shape) < 2:
        return np.zeros_like(heat)
    rows, columns = np.gradient(heat)
    width = max(CONTOUR_WIDTH, CONTOUR_SHARE * max(heat.shape))
    distance = np.abs(heat - threshold) / np.maximum(np.hypot(rows, columns), 1e-6)
    above = heat >= threshold
    # A hill that barely reaches the threshold is flat there; its edge is drawn all the same.
    edge = np.where(above & _near_crossing(above, 1), 0.5, 0.0)
    coverage = np.clip(width / 2 + 0.5 - distance, edge, 1.0)
    return np.where(_near_crossing(above, math.ceil(width / 2)), coverage, 0.0).astype(np.float32)


def _near_crossing(above: BoolArray, reach: int) -> BoolArray:
    """Return which pixels have one on the other side of the threshold within `reach` steps along a row or column."""
    near = np.zeros_like(above)
    for axis in (0, 1):
        here, mark = np.moveaxis(above, axis, 0), np.moveaxis(near, axis, 0)
        for step in range(1, min(reach, len(here) - 1) + 1):
            differs = here[step:] != here[:-step]
            mark[step:] |= differs
            mark[:-step] |= differs
    return near


def _palette(threshold: float) -> ByteArray:
    colours = heat_lut(HEAT_LEVELS)
    below = colours[round((HEAT_LEVELS - 1) * min(max(threshold, 0.0), 1.0))].astype(np.float32)
    line = np.array([*CONTOUR_RGB, 255], dtype=np.float32)
    coverage = np.arange(1, CONTOUR_LEVELS + 1, dtype=np.float32)[:, None] / CONTOUR_LEVELS
    # Porter-Duff "over": the contour onto the heat colour below, both with transparency.
    alpha = coverage + below[3] / 255 * (1 - coverage)
    rgb = (line[:3] * coverage + below[:3] * (below[3] / 255) * (1 - coverage)) / alpha
    edge = np.concatenate([rgb, 255 * alpha], axis=1)
    return np.concatenate([colours, np.round(edge).astype(np.uint8)])
