"""Changes of colour and light: stains, uneven shading, specks."""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.images.canvas import Canvas, Patch, luminance
from looktwice.datasets.synthesis.images.regions import any_region, blob, draw_radius
from looktwice.datasets.synthesis.noise import perlin


def stain(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Tint a patch as a dried liquid does: the surface shows through, cloudy, now and then with a darker rim."""
    region = any_region(rng, canvas, smallest=0.001)
    here = canvas.crop(region.window)
    colour = rng.uniform(0, 255, (1, 1, 3)).astype(np.float32)
    # A stain filters light (multiplies) or lies on top (mixes).
    filtered = here * (colour / max(float(colour.max()), 1.0))
    pixels = filtered if rng.random() < 0.5 else 0.5 * here + 0.5 * colour
    strength = np.full(region.alpha.shape, rng.uniform(0.25, 0.95), np.float32)
    if rng.random() < 0.6:
        strength *= np.clip(1 + 0.3 * perlin(rng, region.alpha.shape, max(region.radius, 4.0), 2), 0.3, 1.5)
    if rng.random() < 0.4:
        rim = 4 * region.alpha * (1 - region.alpha)
        strength = strength * (1 + rim)
    return Patch(region.window.top, region.window.left, pixels, np.clip(region.alpha * strength, 0, 1))


def shade(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Brighten or darken a large patch with a wide soft border (uneven light, grinding, haze, consolidation)."""
    region = blob(rng, canvas, 0.01, 0.2, softness=rng.uniform(0.5, 1.2), slender=3, wobble=0.2)
    here = canvas.crop(region.window)
    cloud = 1 + 0.35 * perlin(rng, region.alpha.shape, max(region.radius / 2, 4.0), 3)[..., None]
    shift = rng.uniform(18, 75) * (1 if rng.random() < np.interp(here.mean(), [60, 200], [0.9, 0.2]) else -1)
    return Patch(region.window.top, region.window.left, here + np.float32(shift) * np.clip(cloud, 0.2, 2), region.alpha)


def specks(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Scatter small grains, drops or pores of one colour."""
    cloud = blob(rng, canvas, 0.005, 0.12, softness=0.8)
    window = cloud.window
    row = np.arange(window.height, dtype=np.float32)[:, None]
    column = np.arange(window.width, dtype=np.float32)[None]
    alpha = np.zeros_like(cloud.alpha)
    weights = cloud.alpha.ravel().astype(np.float64) + 1e-9
    for index in rng.choice(weights.size, int(rng.integers(3, 16)), p=weights / weights.sum()):
        centre = divmod(int(index), window.width)
        radius = max(draw_radius(rng, canvas, 1e-5, 3e-4), 0.9)
        distance = np.hypot(row - centre[0], (column - centre[1]) * rng.uniform(0.7, 1.4))
        alpha = np.maximum(alpha, np.clip(radius - distance + 0.5, 0, 1))
    here = canvas.crop(window)
    colour = rng.uniform(0, 255, (1, 1, 3)).astype(np.float32)
    if rng.random() < 0.5:
        colour = np.where(luminance(here).mean() > 128, colour * 0.3, 255 - colour * 0.3).astype(np.float32)
    pixels = np.broadcast_to(colour, here.shape)
    return Patch(window.top, window.left, pixels, alpha * np.float32(rng.uniform(0.6, 1)))
