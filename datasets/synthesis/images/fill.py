"""A plain spot in one of the picture's own colours: missing or surplus material, open and short circuits, spurs."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from looktwice.datasets.synthesis.images.canvas import Canvas, Patch
from looktwice.datasets.synthesis.images.lines import around, drawn
from looktwice.datasets.synthesis.images.regions import Region, any_region, draw_radius


def fill(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Paint a spot or a bridge with a colour that lies near, unlike the one it covers."""
    region = _bridge(rng, canvas) if rng.random() < 0.4 else any_region(rng, canvas, 0.0004, 0.02)
    here = canvas.crop(region.window)
    covered = here[tuple(size // 2 for size in region.alpha.shape)]
    centre = np.array([region.window.top, region.window.left]) + np.array(region.alpha.shape) / 2
    spread = max(region.radius * 4, 8.0)
    picks = np.clip(rng.normal(centre, spread, (12, 2)), 0, np.array(canvas.shape) - 1).astype(int)
    colours = canvas.image[picks[:, 0], picks[:, 1]].astype(np.float32)
    colour = colours[int(np.abs(colours - covered).max(axis=1).argmax())]
    grain = here - ndimage.uniform_filter(here, (3, 3, 1))
    level = np.float32(np.median(np.abs(grain)))
    pixels = colour + rng.standard_normal((*region.alpha.shape, 1), dtype=np.float32) * level
    return Patch(region.window.top, region.window.left, pixels, region.alpha)


def _bridge(rng: np.random.Generator, canvas: Canvas) -> Region:
    """Return a short thick line."""
    radius = draw_radius(rng, canvas, 0.0004, 0.008)
    ratio = rng.uniform(2, 8) ** 0.5
    heading, start = rng.uniform(0, 2 * np.pi), np.array(canvas.point(rng), float)
    line = start + np.array([[-1.0], [1.0]]) * radius * ratio * np.array([[np.sin(heading), np.cos(heading)]])
    width = max(1.5, 1.5 * radius / ratio)
    window = around(canvas, [line], width)
    return Region(window, drawn(window, [line], [np.array([width])]), radius)
