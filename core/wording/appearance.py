"""What a marked part of a picture looks like, in words that are measured: place, size, shape, contrast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import label, regionprops

from looktwice.core.wording.extent import SEVERITIES, extent_of_share
from looktwice.core.wording.place import place_of

GREY_DIFFERENCE = 12.0
"""Difference of medians, in grey levels of 255, from which a part is called darker or brighter than what is around."""

TEXTURE_RATIO = 1.6
"""Ratio of standard deviations from which a part is called rougher or smoother."""

RING = 0.03
"""Width of the surroundings that a part is compared with, as a share of the picture's longer side."""


@dataclass(frozen=True)
class Appearance:
    """A marked part of a picture.

    Attributes
    ----------
    place : str
        One of ``place.PLACES``: where the largest connected part has its centre.
    share : float
        Of the picture that is marked, in [0, 1].
    size : str
        "tiny" to "very large", by `share`.
    severity : {"slight", "moderate", "severe"}
    shape : {"elongated", "round", "irregular", "compact"}
        Of the largest connected part.
    contrast : {"darker", "brighter", "rougher", "smoother"} or None
        Against what is around it; None where neither brightness nor texture differs much.
    parts : int
        Connected parts that are not negligible against the largest.

    Examples
    --------
    >>> image, mask = np.full((100, 100, 3), 120, np.uint8), np.zeros((100, 100), bool)
    >>> mask[48:52, 20:80], image[48:52, 20:80] = True, 20
    >>> seen = measure(mask, image)
    >>> seen.shape, seen.contrast, seen.parts
    ('elongated', 'darker', 1)
    """

    place: str
    share: float
    size: str
    severity: str
    shape: str
    contrast: str | None
    parts: int


def measure(mask: npt.NDArray[np.bool_], image: npt.NDArray[np.uint8]) -> Appearance:
    """Measure a marked part.

    Parameters
    ----------
    mask : bool, shape (H, W)
        At least one pixel is marked.
    image : uint8, shape (H, W, 3)

    Raises
    ------
    ValueError
        Nothing is marked, or the shapes differ.
    """
    if mask.shape != image.shape[:2]:
        raise ValueError(f"mask {mask.shape} and image {image.shape[:2]} differ in size")
    if not mask.any():
        raise ValueError("the mask is empty")
    regions = sorted(regionprops(label(mask, connectivity=2)), key=lambda region: -region.area)
    largest = regions[0]
    row, column = largest.centroid
    share = float(mask.mean())
    extent = extent_of_share(share)
    return Appearance(
        place=place_of(column + 0.5, row + 0.5, mask.shape[1], mask.shape[0]),
        share=share,
        size=extent,
        severity=SEVERITIES[extent],
        shape=_shape(largest),
        contrast=contrast_of(mask, image),
        parts=int(sum(region.area >= 0.1 * largest.area for region in regions)),
    )


def _shape(region: object) -> str:
    # skimage's region properties have no type of their own.
    major, minor = region.axis_major_length, region.axis_minor_length  # type: ignore[attr-defined]
    solidity = region.solidity  # type: ignore[attr-defined]
    if major > 3 * max(minor, 1.0):
        return "elongated"
    if solidity < 0.75:
        return "irregular"
    return "round" if solidity > 0.88 and major < 1.4 * max(minor, 1.0) else "compact"


def contrast_of(mask: npt.NDArray[np.bool_], image: npt.NDArray[np.uint8]) -> str | None:
    """Return how a marked part (H, W) of a picture (H, W, 3) differs from what is around it, as `Appearance` has it."""
    width = max(2, round(RING * max(mask.shape)))
    ring = ndimage.binary_dilation(mask, iterations=width) & ~ndimage.binary_dilation(mask, iterations=1)
    if not ring.any():
        return None
    grey = image.mean(axis=2)
    inside, around = grey[mask], grey[ring]
    difference = float(np.median(inside) - np.median(around))
    if abs(difference) >= GREY_DIFFERENCE:
        return "darker" if difference < 0 else "brighter"
    ratio = float(inside.std() + 1.0) / float(around.std() + 1.0)
    if ratio >= TEXTURE_RATIO:
        return "rougher"
    return "smoother" if ratio <= 1 / TEXTURE_RATIO else None
