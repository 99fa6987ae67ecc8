"""How a lesion changes what a scanner shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from looktwice.datasets.synthesis.noise import perlin
from looktwice.datasets.synthesis.volumes.anatomy import Anatomy, BoolArray, FloatArray, Window


@dataclass(frozen=True)
class Lesion:
    """A change in a window of the volume.

    Attributes
    ----------
    window
    values : float32
        What the window shows with the lesion.
    mask : bool
        Where the tissue itself is abnormal; tissue that was only pushed aside is not.

    Examples
    --------
    >>> from looktwice.datasets.synthesis.volumes.lesions import bright
    >>> rng = np.random.default_rng(0)
    >>> volume = rng.normal(100, 10, (32, 32, 32)).astype(np.float32)
    >>> anatomy = Anatomy.of(volume, (3.0, 3.0, 3.0), np.ones(volume.shape, bool))
    >>> lesion = bright(rng, anatomy, None)
    >>> bool(lesion.values[lesion.mask].mean() > volume[lesion.window][lesion.mask].mean())
    True
    """

    window: Window
    values: FloatArray
    mask: BoolArray


def edge(depth: FloatArray, width_mm: float) -> FloatArray:
    """Return 0 outside, 1 inside, and a ramp of `width_mm` where the depth (mm) crosses 0 (partial volume)."""
    ramp: FloatArray = np.clip(depth / np.float32(width_mm) + 0.5, 0, 1)
    return ramp


def stain(
    rng: np.random.Generator, anatomy: Anatomy, here: FloatArray, alpha: FloatArray, contrast: float, mottle: float
) -> FloatArray:
    """Shift the tissue by `contrast` spreads where `alpha` is 1, and let its own structure fade there.

    Grey and white matter differ less inside a lesion than around it; noise stays. `mottle` is the unevenness of the
    lesion, as a share of the contrast.
    """
    cell = max(min(anatomy.voxels(rng.uniform(4, 9))), 2.0)
    uneven = 1 + np.float32(mottle) * perlin(rng, here.shape, cell, 2)
    wide = anatomy.voxels(8.0)
    weight = ndimage.gaussian_filter(alpha, wide, truncate=2.0)
    # The mean of what the lesion covers near each voxel; elsewhere it is not used.
    mean = ndimage.gaussian_filter(alpha * here, wide, truncate=2.0) / np.maximum(weight, 1e-3)
    smooth = ndimage.gaussian_filter(here, anatomy.voxels(2.0), truncate=2.0)
    faded = here + np.float32(rng.uniform(0.3, 0.8)) * (mean - smooth)
    wanted = faded + np.float32(contrast * anatomy.spread) * np.clip(uneven, 0.2, 2)
    stained: FloatArray = here + alpha * (wanted - here)
    return stained


def fill(
    rng: np.random.Generator, anatomy: Anatomy, here: FloatArray, alpha: FloatArray, level: float, mottle: float
) -> FloatArray:
    """Replace the tissue by matter of its own: `level` is in spreads from the tissue's median; noise stays."""
    cell = max(min(anatomy.voxels(rng.uniform(3, 7))), 2.0)
    noise = here - ndimage.gaussian_filter(here, anatomy.voxels(1.0))
    wanted = np.float32(anatomy.median) + np.float32(anatomy.spread) * np.float32(level) * (
        1 + np.float32(mottle) * perlin(rng, here.shape, cell, 2)
    )
    filled: FloatArray = here + alpha * (wanted + noise - here)
    return filled


def oedema(rng: np.random.Generator, anatomy: Anatomy, depth: FloatArray, inside: BoolArray) -> FloatArray:
    """Return a halo of 4 to 14 mm around a lesion, with fingers, that does not leave the tissue."""
    width = np.float32(rng.uniform(4, 14))
    fingers = perlin(rng, depth.shape, max(min(anatomy.voxels(8.0)), 2.0), 2)
    halo = np.clip(1 + depth / (width * np.clip(1 + 0.5 * fingers, 0.2, 2)), 0, 1)
    return np.where(inside, np.clip(2 * halo, 0, 1), 0).astype(np.float32)


def push_aside(
    rng: np.random.Generator, anatomy: Anatomy, window: Window, here: FloatArray, depth: FloatArray, most_mm: float
) -> FloatArray:
    """Move the tissue around a lesion outwards (mass effect), by `most_mm` at its surface and less farther off.

    The skull gives no way: towards the border of the tissue the shift goes to nothing.
    """
    fall = rng.uniform(8, 18)
    give = np.clip(anatomy.depth[window] / 8, 0, 1)
    shift = most_mm * np.exp(np.minimum(depth, 0) / fall) * give
    smooth = ndimage.gaussian_filter(depth, anatomy.voxels(2.0))
    slopes = np.stack(np.gradient(smooth, *anatomy.spacing))
    steep = np.linalg.norm(slopes, axis=0)
    # Depth falls outwards; each voxel is fetched from nearer to the lesion.
    towards = slopes / np.maximum(steep, 1e-3)
    size = np.asarray(anatomy.spacing).reshape(3, 1, 1, 1)
    places = np.indices(here.shape, np.float32) + towards * shift / size
    moved: FloatArray = ndimage.map_coordinates(here, places, order=1, mode="nearest").astype(np.float32)
    # Linear interpolation takes noise away; where nothing moves, nothing is interpolated.
    return np.where(shift > 0.05 * min(anatomy.spacing), moved, here)
