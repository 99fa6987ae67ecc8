"""Soft bodies: lesions as in medical pictures, holes and pores as in castings."""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.images.canvas import Canvas, Patch
from looktwice.datasets.synthesis.images.regions import blob
from looktwice.datasets.synthesis.noise import perlin


def lesion(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Add a brighter or darker body with a soft border: even, mottled, or ring-shaped; the grain below stays."""
    region = blob(rng, canvas, softness=rng.uniform(0.2, 0.9), slender=2.2, wobble=rng.uniform(0.1, 0.5))
    here = canvas.crop(region.window)
    body = np.ones_like(region.alpha)
    if rng.random() < 0.6:
        body += np.float32(rng.uniform(0.1, 0.5)) * perlin(rng, body.shape, max(region.radius / 1.5, 3.0), 3)
    if rng.random() < 0.25:
        # Ring enhancement: the core goes the other way.
        core = np.clip((region.alpha - 0.6) * 3, 0, 1)
        body *= 1 - core * np.float32(rng.uniform(0.6, 1.6))
    shift = rng.uniform(15, 110)
    brighter = rng.random() < np.interp(here.mean(), [40, 210], [0.95, 0.1])
    pixels = here + np.float32(shift if brighter else -shift) * body[..., None]
    return Patch(region.window.top, region.window.left, pixels, region.alpha)


def hole(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Sink a dark pit with a lit rim on one side (blowhole, pore, dent)."""
    region = blob(rng, canvas, 0.0005, 0.03, softness=rng.uniform(0.15, 0.6), slender=1.8, wobble=0.2)
    here = canvas.crop(region.window)
    height, width = region.alpha.shape
    heading = rng.uniform(0, 2 * np.pi)
    row = (np.arange(height, dtype=np.float32)[:, None] - height / 2) / max(region.radius, 1)
    column = (np.arange(width, dtype=np.float32)[None] - width / 2) / max(region.radius, 1)
    light = (np.sin(heading) * row + np.cos(heading) * column).astype(np.float32)
    depth = np.float32(rng.uniform(0.3, 0.95))
    rim = 4 * region.alpha * (1 - region.alpha) * np.clip(light, 0, 1)
    dark = here * (1 - depth * np.clip(1 - 0.4 * light, 0.2, 1)[..., None])
    pixels = dark + rim[..., None] * np.float32(rng.uniform(0, 120))
    return Patch(region.window.top, region.window.left, pixels, region.alpha)
