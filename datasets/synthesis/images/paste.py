"""Pieces of a picture pasted where they do not belong (CutPaste, CVPR 2021)."""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.images.canvas import ByteArray, Canvas, FloatArray, Patch
from looktwice.datasets.synthesis.images.donors import donor_of
from looktwice.datasets.synthesis.images.regions import Region, any_region, draw_radius, polygon


def cut_paste(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Paste a piece of the object itself elsewhere on it, turned and a little recoloured."""
    region = any_region(rng, canvas)
    pixels = cut(rng, canvas.image, region, canvas)
    return Patch(region.window.top, region.window.left, jitter(rng, pixels, 0.1), region.alpha)


def foreign_patch(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Paste a piece of the donor picture, often drawn towards the brightness of the place."""
    region = any_region(rng, canvas)
    pixels = jitter(rng, cut(rng, donor_of(canvas), region), 0.2)
    pull = rng.uniform(0, 1)
    here = canvas.crop(region.window)
    pixels += np.float32(pull) * (here.mean(axis=(0, 1)) - pixels.mean(axis=(0, 1)))
    return Patch(region.window.top, region.window.left, pixels, region.alpha)


def scar(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Paste a long thin strip of the picture itself, at any angle (CutPaste's scar)."""
    radius = draw_radius(rng, canvas, 0.0008, 0.012)
    ratio = rng.uniform(4, 14)
    half = np.array([radius * ratio**0.5, radius / ratio**0.5]) * np.sqrt(np.pi) / 2
    turn = rng.uniform(0, np.pi)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * np.maximum(half, 1.0) @ axes + canvas.point(rng)
    region = polygon(canvas, corners, radius)
    pixels = jitter(rng, cut(rng, canvas.image, region, canvas), 0.25)
    return Patch(region.window.top, region.window.left, pixels, region.alpha)


def cut(rng: np.random.Generator, source: ByteArray, region: Region, canvas: Canvas | None = None) -> FloatArray:
    """Cut a piece of the region's size out of `source`, turned by a multiple of 90° and mirrored at random.

    With `canvas`, the piece is taken from around the object. A source smaller than the piece is continued by mirroring.
    """
    height, width = region.window.height, region.window.width
    quarter = int(rng.integers(4))
    rows, columns = (height, width) if quarter % 2 == 0 else (width, height)
    if canvas is None:
        top = int(rng.integers(max(1, source.shape[0] - rows + 1)))
        left = int(rng.integers(max(1, source.shape[1] - columns + 1)))
    else:
        row, column = canvas.point(rng)
        top = int(np.clip(row - rows // 2, 0, max(0, source.shape[0] - rows)))
        left = int(np.clip(column - columns // 2, 0, max(0, source.shape[1] - columns)))
    piece = source[top : top + rows, left : left + columns]
    short = (rows - piece.shape[0], columns - piece.shape[1])
    if any(short):
        piece = np.pad(piece, ((0, short[0]), (0, short[1]), (0, 0)), mode="symmetric")
    piece = np.rot90(piece, quarter)
    if rng.random() < 0.5:
        piece = piece[:, ::-1]
    return piece.astype(np.float32)


def jitter(rng: np.random.Generator, pixels: FloatArray, amount: float) -> FloatArray:
    """Change contrast, brightness and balance of the colours by up to `amount`."""
    mean = pixels.mean(axis=(0, 1), keepdims=True)
    contrast, brightness = rng.uniform(-amount, amount, 2)
    balance = rng.uniform(-amount / 3, amount / 3, 3)
    changed: FloatArray = ((pixels - mean) * (1 + contrast) + mean * (1 + brightness + balance)).astype(np.float32)
    return changed
