"""The second look: the part of a view that the evidence points at, cut out to be encoded by itself."""

from __future__ import annotations

from looktwice.core.study import ByteArray
from looktwice.core.wording.place import hottest_place, peak_within
from looktwice.reasoning.base import StudyContext

SMALLEST, LARGEST = 0.25, 0.6
"""Side of a close-up, as a share of the view's shorter side."""

SIDE = 0.35
"""That of ``inspect``; training varies it."""


def cut_close_up(image: ByteArray, x: float, y: float, side: float) -> ByteArray:
    """Cut a square out of a picture, moved inside where it would reach beyond the edge.

    Parameters
    ----------
    image : uint8, shape (H, W, 3)
    x, y : float
        Its centre, in pixels right and down from the upper left corner.
    side : float
        Share of the picture's shorter side; brought into [`SMALLEST`, `LARGEST`].
    """
    height, width = image.shape[:2]
    pixels = max(1, round(min(max(side, SMALLEST), LARGEST) * min(height, width)))
    left = min(max(round(x - pixels / 2), 0), width - pixels)
    top = min(max(round(y - pixels / 2), 0), height - pixels)
    return image[top : top + pixels, left : left + pixels]


def close_up(context: StudyContext, index: int) -> ByteArray:
    """Return the close-up of one view, about the peak of its hottest ninth."""
    image, heat = context.views[index].image, context.maps[index]
    x, y = peak_within(heat, hottest_place(heat)[0])
    return cut_close_up(image, x * image.shape[1], y * image.shape[0], SIDE)
