"""A foreign texture that shows through a Perlin mask (DRAEM, ICCV 2021), and a change of the picture's own grain."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from looktwice.datasets.synthesis.images.canvas import Canvas, Patch
from looktwice.datasets.synthesis.images.donors import shipped_textures
from looktwice.datasets.synthesis.images.paste import cut, jitter
from looktwice.datasets.synthesis.images.regions import any_region, fragments


def perlin_texture(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Let a texture show through a ragged mask, more or less opaque."""
    textures = shipped_textures()
    source = textures[int(rng.integers(len(textures)))]
    if canvas.donor is not None and rng.random() < 0.5:
        source = canvas.donor
    region = fragments(rng, canvas)
    pixels = jitter(rng, cut(rng, source, region), 0.3)
    opacity = np.float32(rng.uniform(0.25, 1.0))
    return Patch(region.window.top, region.window.left, pixels, region.alpha * opacity)


def rough(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Make a patch grainier than the rest: grain of 1 to 4 pixels, as strong as plain to see or barely."""
    region = any_region(rng, canvas, smallest=0.002)
    size = (region.window.height, region.window.width)
    grain = rng.standard_normal((*size, 1), dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, (rng.uniform(0.3, 1.6),) * 2 + (0,))
    grain /= np.float32(grain.std() + 1e-6)
    pixels = canvas.crop(region.window) + grain * np.float32(rng.uniform(8, 40))
    return Patch(region.window.top, region.window.left, pixels, region.alpha)
