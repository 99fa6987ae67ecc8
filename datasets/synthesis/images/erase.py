"""Structure that is gone: smeared, smoothed away, or broken off."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from looktwice.datasets.synthesis.images.canvas import Canvas, Patch
from looktwice.datasets.synthesis.images.poisson import membrane
from looktwice.datasets.synthesis.images.regions import any_region


def blur(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Smear a patch, evenly or along one axis."""
    region = any_region(rng, canvas, smallest=0.002)
    reach = max(1.5, region.radius * rng.uniform(0.1, 0.5))
    spread = [(reach, reach), (reach, 0.3), (0.3, reach)][int(rng.integers(3))]
    pixels = ndimage.gaussian_filter(canvas.crop(region.window), (*spread, 0), truncate=2.5)
    return Patch(region.window.top, region.window.left, pixels, region.alpha)


def erase(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Take structure away: the patch is filled smoothly from its border, with the picture's own grain."""
    region = any_region(rng, canvas, smallest=0.001)
    here = canvas.crop(region.window)
    pixels = membrane(here, region.alpha > 0.02)
    grain = here - ndimage.uniform_filter(here, (3, 3, 1))
    level = np.float32(np.median(np.abs(grain)) * 1.5)
    pixels = pixels + rng.standard_normal((*here.shape[:2], 1), dtype=np.float32) * level
    return Patch(region.window.top, region.window.left, pixels, region.alpha)


def break_off(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Replace a part of the object by the background next to it; without a background, by the darkest colour near."""
    region = any_region(rng, canvas, smallest=0.002, largest=0.1)
    here = canvas.crop(region.window)
    border = np.concatenate([canvas.image[[0, -1]].reshape(-1, 3), canvas.image[:, [0, -1]].reshape(-1, 3)])
    plain = not canvas.foreground.all()
    colour = (
        np.median(border, axis=0) if plain else np.quantile(here.reshape(-1, 3), 0.02, axis=0) * rng.uniform(0.3, 1)
    )
    noise = border.std(axis=0).clip(max=4) if plain else 2.0
    grain = rng.standard_normal((*here.shape[:2], 1), dtype=np.float32)
    pixels = (colour + grain * noise).astype(np.float32)
    return Patch(region.window.top, region.window.left, pixels, region.alpha)
