"""Thin, long defects: scratches, cracks and fibres."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looktwice.datasets.synthesis.images.canvas import Canvas, FloatArray, Patch, Window
from looktwice.datasets.synthesis.images.regions import Board

Points = npt.NDArray[np.float64]


def scratch(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Draw one to six nearly parallel strokes, bright or dark, some with a shadow along one side."""
    side = min(canvas.shape)
    length = side * np.exp(rng.uniform(np.log(0.08), np.log(0.7)))
    heading, start = rng.uniform(0, 2 * np.pi), np.array(canvas.point(rng), float)
    width = max(1.0, side * rng.uniform(0.002, 0.009))
    strokes = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3, 6]))):
        offset = rng.normal(0, 4 * width, 2)
        strokes.append(bend(rng, start + offset, heading + rng.normal(0, 0.06), length * rng.uniform(0.5, 1.0)))
    window = around(canvas, strokes, 3 * width)
    widths = [width * rng.uniform(0.6, 1.2) * taper(len(stroke) - 1) for stroke in strokes]
    alpha = drawn(window, strokes, widths)
    here = canvas.crop(window)
    tone = _tone(rng, here)
    if rng.random() < 0.4:
        shifted = [stroke + width * rng.choice([-1, 1]) for stroke in strokes]
        shadow = drawn(window, shifted, widths) * np.float32(0.5)
        here = here * (1 - shadow[..., None]) + _clipped(here - 1.2 * (tone - here)) * shadow[..., None]
        alpha, opaque = np.maximum(alpha, shadow), alpha
        pixels = here * (1 - opaque[..., None]) + tone * opaque[..., None]
        return Patch(window.top, window.left, pixels, (alpha > 0).astype(np.float32))
    return Patch(window.top, window.left, tone, alpha * np.float32(rng.uniform(0.5, 1)))


def crack(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Draw a jagged line with branches, darker than its surroundings, or lighter as in radiographs."""
    side = min(canvas.shape)
    length = side * np.exp(rng.uniform(np.log(0.1), np.log(0.8)))
    width = max(1.0, side * rng.uniform(0.0025, 0.011))
    jagged = rng.uniform(0.15, 0.5)
    trunk = walk(rng, np.array(canvas.point(rng), float), rng.uniform(0, 2 * np.pi), length, jagged)
    lines, widths = [trunk], [width * taper(len(trunk) - 1)]
    for _ in range(int(rng.integers(0, 4))):
        root = int(rng.integers(len(trunk) - 1))
        ahead = trunk[root + 1] - trunk[root]
        heading = np.arctan2(ahead[0], ahead[1]) + rng.choice([-1, 1]) * rng.uniform(0.4, 1.2)
        lines.append(walk(rng, trunk[root], heading, length * rng.uniform(0.1, 0.4), jagged))
        widths.append(0.7 * width * taper(len(lines[-1]) - 1))
    window = around(canvas, lines, 2 * width)
    here = canvas.crop(window)
    darker = rng.random() < 0.8
    tone = (
        here * np.float32(rng.uniform(0.1, 0.65)) if darker else here + (255 - here) * np.float32(rng.uniform(0.3, 0.8))
    )
    return Patch(window.top, window.left, tone, drawn(window, lines, widths))


def fibre(rng: np.random.Generator, canvas: Canvas) -> Patch:
    """Lay a curled thread or hair of one colour on the object."""
    side = min(canvas.shape)
    length = side * rng.uniform(0.1, 0.6)
    curl, heading, point = rng.normal(0, 6 / length), rng.uniform(0, 2 * np.pi), np.array(canvas.point(rng), float)
    steps = 40
    turns = heading + np.cumsum(np.full(steps, curl) + rng.normal(0, 2 / length, steps)) * length / steps
    thread = point + np.cumsum(np.stack([np.sin(turns), np.cos(turns)], axis=1), axis=0) * length / steps
    width = max(1.0, side * rng.uniform(0.003, 0.012))
    window = around(canvas, [thread], 2 * width)
    colour = rng.uniform(0, 255, (1, 1, 3)).astype(np.float32)
    pixels = np.broadcast_to(colour, (window.height, window.width, 3))
    alpha = drawn(window, [thread], [np.full(len(thread) - 1, width)])
    return Patch(window.top, window.left, pixels, alpha * np.float32(rng.uniform(0.4, 1)))


def bend(rng: np.random.Generator, start: Points, heading: float, length: float, steps: int = 16) -> Points:
    """Return a quadratic Bézier curve of about `length` pixels, (steps, 2) rows and columns."""
    ahead = np.array([np.sin(heading), np.cos(heading)])
    aside = np.array([ahead[1], -ahead[0]])
    middle = start + ahead * length / 2 + aside * rng.normal(0, 0.12) * length
    end = start + ahead * length
    t = np.linspace(0, 1, steps)[:, None]
    curve: Points = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    return curve


def walk(rng: np.random.Generator, start: Points, heading: float, length: float, jagged: float) -> Points:
    """Return a jagged walk that keeps its heading on average, (n, 2) rows and columns."""
    steps = int(np.clip(length / 4, 6, 60))
    turns = heading + np.cumsum(rng.normal(0, jagged / 2, steps)) + rng.normal(0, jagged, steps)
    path = np.stack([np.sin(turns), np.cos(turns)], axis=1) * (length / steps)
    line: Points = start + np.concatenate([np.zeros((1, 2)), np.cumsum(path, axis=0)])
    return line


def taper(segments: int) -> npt.NDArray[np.float64]:
    """Return the widths of a stroke that is thin at its ends, at most 1."""
    widths: npt.NDArray[np.float64] = 0.35 + 0.65 * np.sin(np.linspace(0.1, np.pi - 0.1, segments)) ** 0.5
    return widths


def around(canvas: Canvas, lines: list[Points], margin: float) -> Window:
    """Return the window that holds all `lines`."""
    points = np.concatenate(lines)
    low, high = points.min(axis=0) - margin - 1, points.max(axis=0) + margin + 1
    bounds = np.array(canvas.shape)
    low, high = np.clip(low, 0, bounds), np.clip(high, 0, bounds)
    return canvas.window(tuple((low + high) / 2), *(high - low))


def drawn(window: Window, lines: list[Points], widths: list[npt.NDArray[np.float64]]) -> FloatArray:
    """Draw all lines into one soft mask."""
    board = Board(window)
    for line, width in zip(lines, widths, strict=True):
        board.line(line, width)
    return board.alpha()


def _tone(rng: np.random.Generator, here: FloatArray) -> FloatArray:
    """Return a lighter or a darker version of the place; where it is nearly white or black, the other way."""
    strength = np.float32(rng.uniform(0.25, 0.95))
    brighter = rng.random() < np.interp(here.mean(), [40, 215], [1, 0])
    tone: FloatArray = here + (np.float32(255 if brighter else 0) - here) * strength
    return tone


def _clipped(pixels: FloatArray) -> FloatArray:
    return np.clip(pixels, 0, 255)
