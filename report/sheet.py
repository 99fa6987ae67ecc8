"""``overlay.png``: the most suspicious views under their heat, with a colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from looktwice.core.colours import CONTOUR_RGB, heat_lut
from looktwice.core.heat_layer import heat_layer
from looktwice.report.picture import Picture

LARGEST_SIDE = 1600
"""A single photograph is reduced to this; the heatmap beside it keeps every pixel."""

TILE = 336
COLUMNS = 3
GAP = 14
CAPTION = 30
BAR_WIDTH = 18
MARGIN_RIGHT = 86

BACKGROUND = (20, 22, 26)
INK = (232, 234, 237)
FAINT = (154, 160, 166)


def photograph_sheet(picture: Picture, threshold: float, outlined: bool = True) -> Image.Image:
    """Return one picture under its heat with a colour bar beside it, at its own size or reduced to 1600 pixels."""
    body = _composite(picture, _fit(picture, LARGEST_SIDE, enlarge=False), threshold, outlined)
    height = max(body.height, 160)
    sheet = Image.new("RGB", (body.width + GAP + MARGIN_RIGHT, height), BACKGROUND)
    sheet.paste(body, (0, (height - body.height) // 2))
    _colour_bar(sheet, body.width + GAP, (14, height - 14), threshold)
    return sheet


def contact_sheet(pictures: Sequence[Picture], threshold: float, outlined: bool = True) -> Image.Image:
    """Return the views in rows of three under their heat, the first framed as the most suspicious.

    Parameters
    ----------
    pictures : sequence of Picture
        The worst first; at least one.
    threshold : float
        Where the contour is drawn, and marked on the colour bar.
    outlined : bool
        Whether to draw the contour: a normal study has no regions.
    """
    columns = min(COLUMNS, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    cell = (TILE + GAP, TILE + CAPTION + GAP)
    sheet = Image.new("RGB", (columns * cell[0] + GAP + MARGIN_RIGHT, rows * cell[1] + GAP), BACKGROUND)
    for place, picture in enumerate(pictures):
        left, top = GAP + place % columns * cell[0], GAP + place // columns * cell[1]
        body = _composite(picture, _fit(picture, TILE, enlarge=True), threshold, outlined)
        sheet.paste(body, (left + (TILE - body.width) // 2, top + CAPTION + (TILE - body.height) // 2))
        _caption(sheet, picture, (left, top), worst=place == 0 and len(pictures) > 1)
    _colour_bar(sheet, columns * cell[0] + GAP, (GAP + CAPTION, GAP + CAPTION + TILE), threshold)
    return sheet


def _fit(picture: Picture, side: int, *, enlarge: bool) -> tuple[int, int]:
    """Return the width and height at which the longer side is `side` pixels."""
    height, width = picture.image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1 and not enlarge:
        return width, height
    return max(1, round(width * scale)), max(1, round(height * scale))


def _composite(picture: Picture, size: tuple[int, int], threshold: float, outlined: bool) -> Image.Image:
    plain = np.asarray(Image.fromarray(picture.image).resize(size, Image.Resampling.LANCZOS))
    return Image.fromarray(heat_layer(picture.heat, size, threshold if outlined else math.inf).over(plain))


def _caption(sheet: Image.Image, picture: Picture, at: tuple[int, int], *, worst: bool) -> None:
    draw = ImageDraw.Draw(sheet)
    left, top = at
    right, middle = left + TILE, top + CAPTION // 2 - 2
    if worst:
        draw.rectangle((left - 3, top - 3, right + 2, top + CAPTION + TILE + 2), outline=CONTOUR_RGB, width=2)
        draw.text((right - 50, middle), "most suspicious", CONTOUR_RGB, _font(12), anchor="rm")
    draw.text((right - 4, middle), f"{picture.score:.2f}", INK, _font(15), anchor="rm")
    room = TILE - 56 - (104 if worst else 0)
    draw.text((left + 4, middle), _shortened(picture.name, room, _font(13)), INK, _font(13), anchor="lm")


def _colour_bar(sheet: Image.Image, left: int, span: tuple[int, int], threshold: float) -> None:
    """Draw the scale from 0 at the lower end of `span` to 1 at its upper end, with the threshold's contour colour."""
    top, bottom = span
    colours = heat_lut(bottom - top)[::-1, None, :3]
    sheet.paste(Image.fromarray(np.repeat(colours, BAR_WIDTH, axis=1)), (left, top))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((left - 1, top - 1, left + BAR_WIDTH, bottom), outline=FAINT)

    def height_of(score: float) -> int:
        return round(bottom - min(max(score, 0.0), 1.0) * (bottom - top))

    for tick in (0.0, 0.5, 1.0):
        if abs(tick - threshold) * (bottom - top) > 30:
            draw.text((left + BAR_WIDTH + 7, height_of(tick)), f"{tick:.1f}", FAINT, _font(13), anchor="lm")
    line = height_of(threshold)
    draw.line((left - 4, line, left + BAR_WIDTH + 3, line), CONTOUR_RGB, 2)
    inside = min(max(line, top + 8), bottom - 8)
    draw.text((left + BAR_WIDTH + 7, inside - 7), f"{threshold:.2f}", CONTOUR_RGB, _font(13), anchor="lm")
    draw.text((left + BAR_WIDTH + 7, inside + 7), "threshold", CONTOUR_RGB, _font(10), anchor="lm")


def _shortened(text: str, room: int, font: ImageFont.FreeTypeFont) -> str:
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font that matplotlib brings: it has the signs that view names hold (−, °, ×, umlauts)."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
