"""From a calibrated map to a region, and a region to a red contour, as VELM shows it (arXiv 2505.02626)."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.special import expit
from skimage.measure import label
from skimage.morphology import disk

from looktwice.core.calibration import logit
from looktwice.core.heat_layer import resize_heat
from looktwice.core.study import BoolArray, ByteArray, FloatArray

SHOWN_SIDE = 448
CONTOUR_WIDTH = 2
RED = (255, 0, 0)
# Parts of a region whose peak stays this far below the highest are not shown.
KEPT_PEAK = 0.5


def cut(heat: FloatArray, size: tuple[int, int], threshold: float) -> BoolArray:
    """Cut a calibrated map between a threshold and its peak.

    Where nothing reaches it (the study is anomalous as a whole, no place stands out) the upper half of the highest rise
    is taken, so that there is a region to look at.

    Parameters
    ----------
    heat : float, shape (h, w)
        In [0, 1], covering the picture's full extent.
    size : (int, int)
        Width and height of the picture.
    threshold : float

    Returns
    -------
    bool, shape (height, width)
        Never empty.
    """
    # Enlarging overshoots; a peak of 1 would have a logit without bounds, and nothing but the peak would be cut out.
    peak = float(heat.max())
    smooth = np.minimum(resize_heat(heat, size), peak)
    peak = float(smooth.max())
    level = _level(peak, threshold) if peak > threshold else (peak + float(np.median(smooth))) / 2
    mask: BoolArray = smooth >= min(level, peak)
    parts = label(mask, connectivity=2)
    peaks = ndimage.maximum(smooth, parts, np.arange(1, parts.max() + 1))
    kept = np.flatnonzero(peaks - level >= KEPT_PEAK * (peak - level)) + 1
    return _filled(np.isin(parts, kept))


def _filled(mask: BoolArray) -> BoolArray:
    """Fill holes that are smaller than the region: an even finding is seen best along its rim, and is more than it.

    A region that runs around something larger, such as the picture's frame, stays as it is.
    """
    holes = label(ndimage.binary_fill_holes(mask) & ~mask, connectivity=1)
    small = np.flatnonzero(np.bincount(holes.ravel())[1:] < mask.sum()) + 1
    filled: BoolArray = mask | np.isin(holes, small)
    return filled


def _level(peak: float, threshold: float) -> float:
    """Return where to cut: half-way, in logits, from the threshold to the peak.

    Tokens around a strong finding see a part of it and pass the threshold too, without belonging to it.
    """
    low, high = logit(threshold), logit(peak)
    return float(expit((low + high) / 2))


def draw_contour(image: ByteArray, mask: BoolArray, width: int = CONTOUR_WIDTH) -> ByteArray:
    """Draw a red line around a region, on its outside, so that the region itself stays as it is.

    Parameters
    ----------
    image : uint8, shape (H, W, 3)
    mask : bool, shape (H, W)
    width : int
        Pixels.
    """
    line = ndimage.binary_dilation(mask, disk(width)) & ~mask
    # A region that reaches the picture's border is closed there, inside.
    frame = np.zeros_like(mask)
    frame[:width], frame[-width:], frame[:, :width], frame[:, -width:] = True, True, True, True
    drawn: ByteArray = image.copy()
    drawn[line | (frame & mask)] = RED
    return drawn


def shown(image: ByteArray, mask: BoolArray | None = None, side: int = SHOWN_SIDE) -> ByteArray:
    """Return a picture as the model is shown it: a square of 448 × 448, with a contour where a mask is given."""
    square = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS))
    if mask is None:
        return square
    cover = np.asarray(Image.fromarray(mask.astype(np.float32)).resize((side, side), Image.Resampling.BILINEAR))
    region = cover >= min(0.5, float(cover.max()))
    return draw_contour(square, region)
