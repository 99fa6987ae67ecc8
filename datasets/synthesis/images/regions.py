"""Where a defect lies: soft masks of many shapes and sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from looktwice.datasets.synthesis.images.canvas import Canvas, FloatArray, Window
from looktwice.datasets.synthesis.noise import perlin

SMALLEST, LARGEST = 0.0005, 0.12
"""Share of the picture that a defect covers, before it is cut at the object's edge."""


@dataclass(frozen=True)
class Region:
    """A soft mask in a window of the picture.

    Attributes
    ----------
    window : Window
    alpha : float32, (h, w)
        In [0, 1].
    radius : float
        Of the circle of the same area, in pixels.

    Examples
    --------
    >>> canvas = Canvas.of(np.full((64, 64, 3), 128, np.uint8))
    >>> region = blob(np.random.default_rng(0), canvas)
    >>> region.alpha.shape == (region.window.height, region.window.width), float(region.alpha.max())
    (True, 1.0)
    """

    window: Window
    alpha: FloatArray
    radius: float


def draw_radius(rng: np.random.Generator, canvas: Canvas, smallest: float, largest: float) -> float:
    """Draw a radius in pixels, log-uniform in area between two shares of the picture."""
    share = np.exp(rng.uniform(np.log(smallest), np.log(largest)))
    height, width = canvas.shape
    radius = float(np.sqrt(share * height * width * canvas.foreground.mean() ** 0.5 / np.pi))
    return max(radius, 1.5)


def blob(
    rng: np.random.Generator,
    canvas: Canvas,
    smallest: float = SMALLEST,
    largest: float = LARGEST,
    softness: float = 0.1,
    slender: float = 2.5,
    wobble: float = 0.25,
) -> Region:
    """Draw a round, long or lobed blob on the object.

    Parameters
    ----------
    softness : float
        Width of the border, in radii.
    slender : float
        Longest ratio of the axes.
    wobble : float
        How far the outline strays from an ellipse, in radii.
    """
    radius = draw_radius(rng, canvas, smallest, largest)
    ratio = np.exp(rng.uniform(0, np.log(slender)) / 2)
    reach = 2 * radius * ratio * (1 + wobble + softness) + 4
    centre = canvas.point(rng)
    window = canvas.window(centre, reach, reach)
    return Region(window, _outline(rng, window, centre, radius, ratio, softness, wobble), radius)


def _outline(
    rng: np.random.Generator,
    window: Window,
    centre: tuple[int, int],
    radius: float,
    ratio: float,
    softness: float,
    wobble: float,
) -> FloatArray:
    """Return an ellipse whose radius is modulated by a few random waves along its circumference."""
    row = np.arange(window.height, dtype=np.float32)[:, None] + (window.top - centre[0])
    column = np.arange(window.width, dtype=np.float32)[None] + (window.left - centre[1])
    turn = rng.uniform(0, np.pi)
    along = (np.cos(turn) * column + np.sin(turn) * row) / np.float32(radius * ratio)
    across = (-np.sin(turn) * column + np.cos(turn) * row) / np.float32(radius / ratio)
    distance = np.hypot(along, across)
    angle = np.arctan2(across, along)
    edge = np.ones_like(angle)
    for wave in range(2, 7):
        edge += np.float32(rng.normal(0, wobble / wave)) * np.cos(wave * angle + np.float32(rng.uniform(0, 2 * np.pi)))
    slope = max(softness, 0.7 / radius)
    alpha: FloatArray = np.clip((edge - distance) / np.float32(slope) + 0.5, 0, 1)
    return alpha


def fragments(rng: np.random.Generator, canvas: Canvas, smallest: float = 0.002, largest: float = LARGEST) -> Region:
    """Draw a thresholded Perlin field inside a blob: ragged, often in several pieces (DRAEM, ICCV 2021)."""
    around = blob(rng, canvas, smallest, largest, softness=1.0, wobble=0.1)
    size = (around.window.height, around.window.width)
    noise = perlin(rng, size, cell=max(around.radius * rng.uniform(0.25, 1.0), 3.0), octaves=int(rng.integers(1, 4)))
    level = rng.uniform(-0.4, 0.5)
    alpha = np.clip((noise - np.float32(level)) * 4, 0, 1) * np.clip(around.alpha * 2, 0, 1)
    return Region(around.window, alpha.astype(np.float32), around.radius)


def rectangle(rng: np.random.Generator, canvas: Canvas, smallest: float = SMALLEST, largest: float = LARGEST) -> Region:
    """Draw an upright or turned rectangle with sharp edges."""
    radius = draw_radius(rng, canvas, smallest, largest)
    ratio = np.exp(rng.uniform(-1.2, 1.2))
    half = np.array([radius * ratio, radius / ratio]) * np.sqrt(np.pi) / 2
    turn = rng.uniform(0, np.pi) if rng.random() < 0.5 else 0.0
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    return polygon(canvas, corners @ _rotation(turn) + canvas.point(rng), radius)


def polygon(canvas: Canvas, corners: npt.NDArray[np.floating], radius: float) -> Region:
    """Fill the polygon with `corners` (n, 2), rows and columns in the picture, with an antialiased edge."""
    low, high = corners.min(axis=0) - 1, corners.max(axis=0) + 1
    window = canvas.window(tuple((low + high) / 2), *(high - low))
    board = Board(window)
    board.polygon(corners)
    return Region(window, board.alpha(), radius)


class Board:
    """A drawing board for thin things: antialiased lines and polygons in a window of the picture.

    Examples
    --------
    >>> board = Board(Window(top=10, left=10, height=9, width=9))
    >>> board.line(np.array([[14, 10], [14, 18]]), widths=np.array([1.0]))
    >>> (board.alpha() > 0.5).sum(axis=1).tolist()
    [0, 0, 0, 0, 9, 0, 0, 0, 0]
    """

    SCALE = 3

    def __init__(self, window: Window) -> None:
        self._window = window
        self._picture = Image.new("L", (window.width * self.SCALE, window.height * self.SCALE))
        self._pen = ImageDraw.Draw(self._picture)

    def polygon(self, corners: npt.NDArray[np.floating]) -> None:
        """Fill a polygon; `corners` are rows and columns in the picture."""
        self._pen.polygon(self._local(corners), fill=255)

    def line(self, points: npt.NDArray[np.floating], widths: npt.NDArray[np.floating], strength: float = 1.0) -> None:
        """Draw a line through `points` (n, 2), one width in pixels for each of its n - 1 segments."""
        local = self._local(points)
        for start, end, width in zip(local[:-1], local[1:], widths, strict=True):
            thick = max(1, round(float(width) * self.SCALE))
            self._pen.line([start, end], fill=round(255 * strength), width=thick)
            if thick > 4:
                reach = thick / 2 - 0.5
                self._pen.ellipse(
                    [end[0] - reach, end[1] - reach, end[0] + reach, end[1] + reach], fill=round(255 * strength)
                )

    def alpha(self) -> FloatArray:
        """Return what was drawn, (h, w) in [0, 1]."""
        size = (self._window.width, self._window.height)
        drawn: FloatArray = np.asarray(self._picture.resize(size, Image.Resampling.BOX), np.float32) / np.float32(255)
        return drawn

    def _local(self, points: npt.NDArray[np.floating]) -> list[tuple[float, float]]:
        rows = (points[:, 0] - self._window.top + 0.5) * self.SCALE
        columns = (points[:, 1] - self._window.left + 0.5) * self.SCALE
        return list(zip(columns.tolist(), rows.tolist(), strict=True))


def _rotation(turn: float) -> npt.NDArray[np.float64]:
    return np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


def any_region(
    rng: np.random.Generator, canvas: Canvas, smallest: float = SMALLEST, largest: float = LARGEST
) -> Region:
    """Draw a region of any shape."""
    draw = rng.random()
    if draw < 0.2:
        return rectangle(rng, canvas, smallest, largest)
    if draw < 0.4:
        return fragments(rng, canvas, max(smallest, 0.002), largest)
    return blob(rng, canvas, smallest, largest, softness=rng.uniform(0.03, 0.3), slender=rng.uniform(1.2, 5))
