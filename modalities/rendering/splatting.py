"""Splats in image space: single points become a closed surface whose edges stay where they were.

A z-buffer of single points is dilated by each point's own radius and then eroded by as much (a grey-level closing on
depth): gaps inside the surface fill with the nearest point's key, outlines and depth edges go back to their place.
For discs on the pixel grid this equals drawing every point as a disc, at a cost that does not grow with the cloud.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looktwice.modalities.rendering.zbuffer import EMPTY, KeyImage, gather

FloatArray = npt.NDArray[np.float32]

MAX_RADIUS = 16
# Pixels that a splat covers (see `_neighbourhood`), and how many points each pixel of a surface is to be covered by on
# average. Random points then leave exp(-14), 1 in a million, uncovered: so few because the erosion widens every gap.
_RADII = np.arange(MAX_RADIUS + 1)
_COVERED = (2 * _RADII + 1) ** 2 - 2 * (_RADII // 2) * (_RADII // 2 + 1)
_OVERLAP = 14.0


def splat_radius(spacing_px: FloatArray) -> npt.NDArray[np.uint8]:
    """Return the radius in pixels that closes a surface whose points lie `spacing_px` pixels apart."""
    radius = np.searchsorted(_COVERED[:-1], _OVERLAP * spacing_px**2)
    narrow: npt.NDArray[np.uint8] = radius.astype(np.uint8)
    return narrow


def close_surface(keys: KeyImage, spacing: FloatArray, scale: float) -> KeyImage:
    """Close the gaps between the points of a z-buffer.

    Parameters
    ----------
    keys : int64, shape (S, S)
        Nearest single point per pixel.
    spacing : float32, shape (P,)
        Local distance between points, of every point.
    scale : float
        Pixels per unit of `spacing`.

    Returns
    -------
    int64, shape (S, S)
    """
    own = splat_radius(gather(spacing, keys) * np.float32(scale))
    largest = int(own.max())
    box = _box(keys, largest + 1)
    grown = _grow(keys[box], own[box], largest)
    _shrink(grown, splat_radius(gather(spacing, grown) * np.float32(scale)), largest)
    closed: KeyImage = keys.copy()
    np.minimum(closed[box], grown, out=closed[box])
    return closed


def _box(keys: KeyImage, border: int) -> tuple[slice, slice]:
    """Return the part of the picture that splats can reach: the points' own box and a border."""
    shown = keys != EMPTY
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    top, left = max(rows[0] - border, 0), max(columns[0] - border, 0)
    return slice(top, rows[-1] + border + 1), slice(left, columns[-1] + border + 1)


def _grow(keys: KeyImage, radius: npt.NDArray[np.uint8], largest: int) -> KeyImage:
    """Dilate every point by its own radius: the widest enter first, so that all end together."""
    grown = np.full_like(keys, EMPTY)
    for step in range(largest, 0, -1):
        np.copyto(grown, keys, where=(radius == step) & (keys < grown))
        grown = _neighbourhood(grown, np.minimum, square=bool(step % 2))
    return np.minimum(grown, keys)


def _shrink(grown: KeyImage, radius: npt.NDArray[np.uint8], largest: int) -> None:
    """Erode in place: each pixel gives back as many steps as the splat that covers it took."""
    for step in range(1, largest + 1):
        shrunk = _neighbourhood(grown, np.maximum, square=bool(step % 2))
        np.copyto(grown, shrunk, where=radius >= step)


def _neighbourhood(image: KeyImage, pick: np.ufunc, *, square: bool) -> KeyImage:
    """Return the minimum or maximum over a 3 x 3 square or cross; alternating them makes octagons, nearly discs."""
    result: KeyImage = image.copy()
    pick(result[1:], image[:-1], out=result[1:])
    pick(result[:-1], image[1:], out=result[:-1])
    source = result.copy() if square else image
    pick(result[:, 1:], source[:, :-1], out=result[:, 1:])
    pick(result[:, :-1], source[:, 1:], out=result[:, :-1])
    return result
