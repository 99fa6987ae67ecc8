"""Structure out of shape: pinched, bulged, twisted, torn sideways."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from looktwice.datasets.synthesis.images.canvas import Canvas, FloatArray, Patch
from looktwice.datasets.synthesis.images.regions import Region, any_region, blob
from looktwice.datasets.synthesis.noise import perlin

Field = tuple[FloatArray, FloatArray]


def deform(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Warp a round patch smoothly: pinch or bulge, twist, or crumple."""
    region = blob(rng, canvas, 0.004, 0.12, softness=0.9, slender=1.8, wobble=0.1)
    bends: tuple[Callable[[np.random.Generator, Region], Field], ...] = (_pinch, _twist, _crumple)
    rows, columns = bends[int(rng.integers(len(bends)))](rng, region)
    # The shift fades out towards the border, so that the patch stays joined to the picture.
    return _moved(canvas, region, rows * region.alpha, columns * region.alpha, np.float32(region.alpha > 0))


def dislocate(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Shift a patch sideways as one piece, so that its structure breaks at the border."""
    region = any_region(rng, canvas, smallest=0.002)
    heading, way = rng.uniform(0, 2 * np.pi), max(2.0, region.radius * rng.uniform(0.15, 0.7))
    rows = np.full(region.alpha.shape, way * np.sin(heading), np.float32)
    columns = np.full(region.alpha.shape, way * np.cos(heading), np.float32)
    return _moved(canvas, region, rows, columns, region.alpha)


def _moved(canvas: Canvas, region: Region, rows: FloatArray, columns: FloatArray, alpha: FloatArray) -> Patch:
    """Fetch each pixel of the window from where `rows` and `columns` point, relative to itself."""
    window = region.window
    margin = int(np.ceil(max(np.abs(rows).max(initial=0), np.abs(columns).max(initial=0)))) + 1
    centre = (window.top + window.height / 2, window.left + window.width / 2)
    wide = canvas.window(centre, window.height + 2 * margin, window.width + 2 * margin)
    source = canvas.crop(wide)
    grid = np.indices(alpha.shape, np.float32)
    where = np.stack([grid[0] + rows + (window.top - wide.top), grid[1] + columns + (window.left - wide.left)])
    channels = [
        ndimage.map_coordinates(source[..., channel], where, order=1, mode="mirror")
        for channel in range(1 if canvas.grey else 3)
    ]
    pixels = np.stack(channels * (3 if canvas.grey else 1), axis=2)
    return Patch(window.top, window.left, pixels, alpha)


def _offsets(region: Region) -> Field:
    """Return each pixel's offset from the middle of the window, in pixels."""
    height, width = region.alpha.shape
    row = np.arange(height, dtype=np.float32)[:, None] - np.float32((height - 1) / 2)
    column = np.arange(width, dtype=np.float32)[None] - np.float32((width - 1) / 2)
    return np.broadcast_to(row, (height, width)), np.broadcast_to(column, (height, width))


def _pinch(rng: np.random.Generator, region: Region) -> Field:
    row, column = _offsets(region)
    strength = np.float32(rng.uniform(0.25, 0.6) * rng.choice([-1, 1]))
    return row * strength, column * strength


def _twist(rng: np.random.Generator, region: Region) -> Field:
    row, column = _offsets(region)
    angle = region.alpha * np.float32(rng.uniform(0.5, 1.8) * rng.choice([-1, 1]))
    cos, sin = np.cos(angle), np.sin(angle)
    return row * cos - column * sin - row, row * sin + column * cos - column


def _crumple(rng: np.random.Generator, region: Region) -> Field:
    cell, height = max(region.radius * rng.uniform(0.3, 0.9), 3.0), region.radius * rng.uniform(0.08, 0.25)
    rows, columns = (perlin(rng, region.alpha.shape, cell) * np.float32(height) for _ in range(2))
    return rows, columns
