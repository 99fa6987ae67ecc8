"""Patches joined without a seam (Poisson image editing, SIGGRAPH 2003)."""

from __future__ import annotations

import numpy as np
from scipy.fft import dstn, idstn

from looktwice.datasets.synthesis.images.canvas import BoolArray, Canvas, FloatArray, Patch
from looktwice.datasets.synthesis.images.donors import donor_of
from looktwice.datasets.synthesis.images.paste import cut, jitter
from looktwice.datasets.synthesis.images.regions import Region, any_region


def seamless(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Blend a piece of the picture itself, or of the donor, into the object (NSA, ECCV 2022)."""
    region = any_region(rng, canvas, smallest=0.002)
    own = canvas.donor is None or rng.random() < 0.5
    piece = cut(rng, canvas.image, region, canvas) if own else cut(rng, donor_of(canvas), region)
    piece = jitter(rng, piece, 0.15) * np.float32(rng.uniform(0.7, 1.5))
    return blend(canvas, region, piece)


def duplicate(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Repeat or cover structure: what lies next to a patch is continued over it, without a seam."""
    region = any_region(rng, canvas, smallest=0.002, largest=0.08)
    heading, way = rng.uniform(0, 2 * np.pi), region.radius * rng.uniform(1.0, 3.0)
    (height, width), window = canvas.shape, region.window
    top = int(np.clip(window.top + way * np.sin(heading), 0, height - window.height))
    left = int(np.clip(window.left + way * np.cos(heading), 0, width - window.width))
    piece = canvas.image[top : top + window.height, left : left + window.width].astype(np.float32)
    return blend(canvas, region, piece)


def blend(canvas: Canvas, region: Region, piece: FloatArray) -> Patch:
    """Join `piece` to the picture: its gradients inside the region, the picture's outside, the border held.

    The equation is solved on the region's window, as OpenCV's seamlessClone does; the little that changes outside the
    region is part of the patch and therefore of the mask.
    """
    here = canvas.crop(region.window)
    inside = region.alpha > 0.3
    down, right = _gradients(here)
    piece_down, piece_right = _gradients(piece)
    down = _choose(inside[1:] & inside[:-1], piece_down, down)
    right = _choose(inside[:, 1:] & inside[:, :-1], piece_right, right)
    pixels = _integrate(here, down, right)
    return Patch(region.window.top, region.window.left, pixels, np.ones(inside.shape, np.float32))


def membrane(here: FloatArray, inside: BoolArray) -> FloatArray:
    """Return `here` with the inside filled smoothly: gradients vanish there, the window's border is held."""
    down, right = _gradients(here)
    down = _choose(inside[1:] & inside[:-1], np.zeros_like(down), down)
    right = _choose(inside[:, 1:] & inside[:, :-1], np.zeros_like(right), right)
    return _integrate(here, down, right)


def _gradients(pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.diff(pixels, axis=0), np.diff(pixels, axis=1)


def _choose(where: BoolArray, first: FloatArray, second: FloatArray) -> FloatArray:
    chosen: FloatArray = np.where(where[..., None], first, second)
    return chosen


def _integrate(here: FloatArray, down: FloatArray, right: FloatArray) -> FloatArray:
    """Solve Poisson's equation for the gradients given, with `here` on the border, by the discrete sine transform.

    Windows of one or two pixels have no interior and come back as they are.
    """
    height, width = here.shape[:2]
    if min(height, width) < 3:
        return np.array(here)
    divergence = np.diff(down, axis=0)[:, 1:-1] + np.diff(right, axis=1)[1:-1]
    divergence[0] -= here[0, 1:-1]
    divergence[-1] -= here[-1, 1:-1]
    divergence[:, 0] -= here[1:-1, 0]
    divergence[:, -1] -= here[1:-1, -1]
    row = 2 * np.cos(np.pi * np.arange(1, height - 1, dtype=np.float32) / (height - 1)) - 2
    column = 2 * np.cos(np.pi * np.arange(1, width - 1, dtype=np.float32) / (width - 1)) - 2
    spectrum = dstn(divergence, type=1, axes=(0, 1)) / (row[:, None] + column[None])[..., None]
    solved: FloatArray = np.array(here)
    solved[1:-1, 1:-1] = idstn(spectrum, type=1, axes=(0, 1))
    return solved
