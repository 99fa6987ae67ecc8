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
from looktwice.evidence.comparisons.drawing import TOLERANCE, binarise, grey

# Side that pictures are brought to for finding the one that shows the same, in pixels.
THUMBNAIL_SIDE = 96
# Correlation from which two drawings are the same one, apart from flaws.
SAME_DRAWING = 0.75
# A difference of so many pixels, beyond the tolerance along edges, is as likely a flaw as not.
HALF_AREA = 12.0


# The two tones of a drawing differ by so many grey levels; values within so much of that distance are one tone; and so
# many pixels have either.
LEAST_CONTRAST, TONE_WIDTH, DRAWING_SHARE = 64.0, 0.15, 0.95


class GoldenTemplates:
    """Reference drawings, among which an inspected one is searched for.

    Parameters
    ----------
    images : sequence of uint8, shape (H, W, 3)
    """

    def __init__(self, images: Sequence[ByteArray]) -> None:
        self.images = list(images)
        self._thumbnails = np.array([_thumbnail(image) for image in images])

    def find(self, image: ByteArray) -> int | None:
        """Return which reference shows the same drawing in the same place; None where none does."""
        fitting = [index for index, one in enumerate(self.images) if one.shape == image.shape]
        if not fitting:
            return None
        likeness = self._thumbnails[fitting] @ _thumbnail(image)
        best = int(np.argmax(likeness))
        return fitting[best] if likeness[best] >= SAME_DRAWING else None

    def compare(self, image: ByteArray, index: int) -> FloatArray:
        """Return how likely each pixel belongs to a flaw, in [0, 1], shape (H, W), against one reference."""
        # Whether material is dark or bright does not matter: what is added to one is taken from the other.
        return difference(binarise(grey(image), dark=True), binarise(grey(self.images[index]), dark=True))


def is_drawing(image: ByteArray) -> bool:
    """Tell whether nearly all pixels of a picture (H, W, 3) have one of two tones, as in drawings, prints and masks."""
    tones = grey(image)
    low, high = np.percentile(tones, [2, 98])
    if high - low < LEAST_CONTRAST:
        return False
    near = np.minimum(np.abs(tones - low), np.abs(tones - high)) <= TONE_WIDTH * (high - low)
    return bool(near.mean() >= DRAWING_SHARE)


def difference(drawing: BoolArray, expected: BoolArray) -> FloatArray:
    """Score differences between two drawings by their area; edges that merely moved do not count.

    Parameters
    ----------
    drawing, expected : bool, shape (H, W)

    Returns
    -------
    float32, shape (H, W)
        ``area / (area + 12)`` of the connected difference, over the difference and its seam.
    """
    core = (drawing & ~_grown(expected)) | (~drawing & _shrunk(expected))
    # Flaws may be dotted: specks close to each other are one.
    parts = label(ndimage.binary_dilation(core, disk(TOLERANCE + 2)), connectivity=2)
    areas = np.bincount(parts[core], minlength=parts.max() + 1).astype(np.float32)
    areas[0] = 0
    scores: FloatArray = (areas / (areas + HALF_AREA))[parts].astype(np.float32)
    return scores


def _grown(shape: BoolArray) -> BoolArray:
    return np.asarray(ndimage.binary_dilation(shape, disk(TOLERANCE)))


def _shrunk(shape: BoolArray) -> BoolArray:
    return np.asarray(ndimage.binary_erosion(shape, disk(TOLERANCE), border_value=1))


def _thumbnail(image: ByteArray) -> npt.NDArray[np.float64]:
    small = np.asarray(
        Image.fromarray(image).convert("L").resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX), np.float64
    )
    centred = (small - small.mean()).ravel()
    unit: npt.NDArray[np.float64] = centred / max(float(np.linalg.norm(centred)), 1e-9)
    return unit
