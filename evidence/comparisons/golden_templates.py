"""Golden templates: a reference that shows the very same drawing, compared pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage
from skimage.measure import label
from skimage.morphology import disk

from looktwice.core.study import BoolArray, ByteArray, FloatArray
from looktwice.evidence.comparisons.drawing import binarise, grey
from looktwice.evidence.settings import DEFAULTS, DrawingSettings


class GoldenTemplates:
    """Reference drawings, among which an inspected one is searched for.

    Parameters
    ----------
    images : sequence of uint8, shape (H, W, 3)
    settings : DrawingSettings

    Examples
    --------
    A hole in a track, against the drawing as it should be:

    >>> expected = np.full((100, 100, 3), 255, np.uint8)
    >>> expected[30:70] = 0
    >>> drawing = expected.copy()
    >>> drawing[44:56, 44:56] = 255
    >>> templates = GoldenTemplates([expected])
    >>> flaws = templates.compare(drawing, templates.find(drawing))
    >>> bool(flaws[50, 50] > 0.9), float(flaws[50, 10])
    (True, 0.0)
    """

    def __init__(self, images: Sequence[ByteArray], settings: DrawingSettings = DEFAULTS.drawings) -> None:
        self.images, self._settings = list(images), settings
        self._thumbnails = np.array([_thumbnail(image, settings.thumbnail_side) for image in images])

    def find(self, image: ByteArray) -> int | None:
        """Return which reference shows the same drawing in the same place; None where none does."""
        fitting = [index for index, one in enumerate(self.images) if one.shape == image.shape]
        if not fitting:
            return None
        likeness = self._thumbnails[fitting] @ _thumbnail(image, self._settings.thumbnail_side)
        best = int(np.argmax(likeness))
        return fitting[best] if likeness[best] >= self._settings.same_correlation else None

    def compare(self, image: ByteArray, index: int) -> FloatArray:
        """Return how likely each pixel belongs to a flaw, in [0, 1], shape (H, W), against one reference."""
        # Whether material is dark or bright does not matter: what is added to one is taken from the other.
        drawing, expected = (binarise(grey(one), dark=True) for one in (image, self.images[index]))
        return difference(drawing, expected, self._settings)


def is_drawing(image: ByteArray, settings: DrawingSettings = DEFAULTS.drawings) -> bool:
    """Tell whether nearly all pixels of a picture (H, W, 3) have one of two tones, as in drawings, prints and masks."""
    tones = grey(image)
    low, high = np.percentile(tones, [2, 98])
    if high - low < settings.least_contrast:
        return False
    near = np.minimum(np.abs(tones - low), np.abs(tones - high)) <= settings.tone_width * (high - low)
    return bool(near.mean() >= settings.toned_share)


def difference(drawing: BoolArray, expected: BoolArray, settings: DrawingSettings = DEFAULTS.drawings) -> FloatArray:
    """Score differences between two drawings by their area; edges that merely moved do not count.

    Parameters
    ----------
    drawing, expected : bool, shape (H, W)
    settings : DrawingSettings

    Returns
    -------
    float32, shape (H, W)
        ``area / (area + half_area)`` of the connected difference, over the difference and its seam.
    """
    core = (drawing & ~_grown(expected, settings.tolerance)) | (~drawing & _shrunk(expected, settings.tolerance))
    # Flaws may be dotted: specks close to each other are one.
    parts = label(ndimage.binary_dilation(core, disk(settings.tolerance + 2)), connectivity=2)
    areas = np.bincount(parts[core], minlength=parts.max() + 1).astype(np.float32)
    areas[0] = 0
    scores: FloatArray = (areas / (areas + settings.half_area))[parts].astype(np.float32)
    return scores


def _grown(shape: BoolArray, tolerance: int) -> BoolArray:
    return np.asarray(ndimage.binary_dilation(shape, disk(tolerance)))


def _shrunk(shape: BoolArray, tolerance: int) -> BoolArray:
    return np.asarray(ndimage.binary_erosion(shape, disk(tolerance), border_value=1))


def _thumbnail(image: ByteArray, side: int) -> npt.NDArray[np.float64]:
    small = np.asarray(Image.fromarray(image).convert("L").resize((side, side), Image.Resampling.BOX), np.float64)
    centred = (small - small.mean()).ravel()
    unit: npt.NDArray[np.float64] = centred / max(float(np.linalg.norm(centred)), 1e-9)
    return unit
