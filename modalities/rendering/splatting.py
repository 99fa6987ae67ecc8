"""Splats in image space: single points become a closed surface whose edges stay where they were.

A z-buffer of single points is dilated by each point's own radius and then eroded by as much (a grey-level closing on
depth): gaps inside the surface fill with the nearest point's key, outlines and depth edges go back to their place.
For discs on the pixel grid this equals drawing every point as a disc, at a cost that does not grow with the cloud.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looktwice.modalities.rendering.zbuffer import EMPTY, KeyImage, gather

MAX_RADIUS = 16
# Pixels that a splat covers (see `_neighbourhood`), and how many points each pixel of a surface is to be covered by on
# average. Random points then leave exp(-14), 1 in a million, uncovered: so few because the erosion widens every gap.
_RADII = np.arange(MAX_RADIUS + 1)
_COVERED = (2 * _RADII + 1) ** 2 - 2 * (_RADII // 2) * (_RADII // 2 + 1)
_OVERLAP = 14.0


def splat_radius(spacing_px: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return the radius in pixels that closes a surface whose points lie `spacing_px` pixels apart."""
    radius = np.searchsorted(_COVERED[:-1], _OVERLAP * spacing_px**2)
    narrow: npt.NDArray[np.uint8] = radius.astype(np.uint8)
    return narrow


def close_surface(keys: KeyImage, radius: npt.NDArray[np.uint8]) -> KeyImage:
    """Close the gaps between the points of a z-buffer.

    Parameters
    ----------
    keys : int64, shape (S, S)
        Nearest single point per pixel.
    radius : uint8, shape (P,)
        Splat radius in pixels of every point.

    Returns
    -------
    int64, shape (S, S)
    """
    own = gather(radius, keys)
    # Dilation: the widest splats enter first, so that by the end each has grown by its own radius.
    grown: KeyImage = np.full_like(keys, EMPTY)
    largest = int(own.max())
    for step in range(largest, 0, -1):
        np.copyto(grown, keys, where=(own == step) & (keys < grown))
        grown = _neighbourhood(grown, np.minimum, square=bool(step % 2))
    np.minimum(grown, keys, out=grown)
    # Erosion: each pixel gives back as many steps as the splat that covers it took.
    reach = gather(radius, grown)
    for step in range(1, largest + 1):
        shrunk = _neighbourhood(grown, np.maximum, square=bool(step % 2))
        np.copyto(grown, shrunk, where=reach >= step)
    np.minimum(grown, keys, out=grown)
    return grown


def _neighbourhood(image: KeyImage, pick: np.ufunc, *, square: bool) -> KeyImage:
    """Return the minimum or maximum over a 3 x 3 square or cross; alternating them makes octagons, nearly discs."""
    result: KeyImage = image.copy()
    pick(result[1:], image[:-1], out=result[1:])
    pick(result[:-1], image[1:], out=result[:-1])
    source = result.copy() if square else image
    pick(result[:, 1:], source[:, :-1], out=result[:, 1:])
    pick(result[:, :-1], source[:, 1:], out=result[:, :-1])
    return result
