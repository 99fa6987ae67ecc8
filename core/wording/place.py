"""Where on a picture: words for the nine cells of a 3 × 3 grid, and finding such words in a text.

Places are those of the picture as it is seen: "left" is the left side of the picture. In a radiological slice that
may be the patient's right; anatomical sides are a region's own measurement (``Region.details``), not a place.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

PLACES = ("top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right")
"""The cells, row by row."""

CLEAR = 2.0
"""A ninth of the picture has at least this many times the mean heat of the whole, or no place is named."""

_ROWS = {"top": 0, "upper": 0, "middle": 1, "center": 1, "centre": 1, "central": 1, "bottom": 2, "lower": 2}
_COLUMNS = {"left": 0, "middle": 1, "center": 1, "centre": 1, "central": 1, "right": 2}
_ROW = "|".join(_ROWS)
_COLUMN = "|".join(_COLUMNS)
_ANY = "|".join(dict.fromkeys([*_ROWS, *_COLUMNS]))
_PART = r"(?:side|part|edge|half|third|corner|region|area|portion|section|of the (?:picture|image|view|slice|part))"
_PAIR = re.compile(rf"\b({_ROW})[ -]({_COLUMN})\b")
_SINGLE = re.compile(
    rf"\b(?:(?:at|in|on|to|near|towards?|along|around|occupies|occupying) (?:its |the )(?:far |very |extreme )?({_ANY})"
    rf"|({_ANY})(?:-hand|most)? {_PART})\b"
)
# "The left hemisphere", "on the left lung": a side of the body, not of the picture.
_ANATOMY = re.compile(
    r"\b(?:(?:patient's|anatomical|subject's) )?(?:left|right|upper|lower|middle|central)(?:[ -](?:left|right))? "
    r"(?:hemisphere|lobe|lung|breast|kidney|ventricle|temporal|frontal|parietal|occipital|cerebell\w+|thalamus|"
    r"quadrant of the (?:left|right)|zone|arm|leg|eye|limb|insula|basal)\b"
    r"|\bpatient's (?:left|right)\b"
)


def place_of(x: float, y: float, width: float, height: float) -> str:
    """Return the word for the cell that holds a point.

    Parameters
    ----------
    x, y : float
        Right and down from the upper left corner of the picture, in the unit of `width` and `height`.
    width, height : float
        Size of the picture, positive.
    """
    column = min(max(int(3 * x / width), 0), 2)
    row = min(max(int(3 * y / height), 0), 2)
    return PLACES[3 * row + column]


def place_of_peak(heat: npt.NDArray[np.floating]) -> str:
    """Return the word for where a map, shape (h, w), weighs most: the cell of its peak after light smoothing.

    Equal maps have no place; the middle of all highest values is taken.
    """
    from scipy.ndimage import uniform_filter

    smooth = uniform_filter(np.nan_to_num(heat.astype(np.float64)), size=3, mode="nearest")
    rows, columns = np.nonzero(smooth >= smooth.max() - 1e-12)
    return place_of(columns.mean() + 0.5, rows.mean() + 0.5, heat.shape[1], heat.shape[0])


def hottest_place(heat: npt.NDArray[np.floating]) -> tuple[str, float]:
    """Return the word for the ninth of a map, shape (h, w), with the most heat, and how many times the mean it has.

    Values below 0 and those that are not finite count as 0; a map without any heat has its center at 1 time the mean.
    """
    finite = np.maximum(np.nan_to_num(heat.astype(np.float64), posinf=0.0), 0.0)
    means = np.array([part.mean() for row in np.array_split(finite, 3) for part in np.array_split(row, 3, axis=1)])
    if not means.any():
        return "center", 1.0
    hottest = int(means.argmax())
    return PLACES[hottest], float(means[hottest] / means.mean())


def peak_within(heat: npt.NDArray[np.floating], place: str) -> tuple[float, float]:
    """Return (x, y), as shares of width and height, of the highest value of a map within one of its ninths."""
    row, column = divmod(PLACES.index(place), 3)
    (height, width), finite = heat.shape, np.nan_to_num(heat, posinf=0.0)
    rows, columns = (np.array_split(np.arange(side), 3) for side in (height, width))
    part = finite[np.ix_(rows[row], columns[column])]
    y, x = np.unravel_index(int(part.argmax()), part.shape)
    return (columns[column][x] + 0.5) / width, (rows[row][y] + 0.5) / height


def places_in(text: str) -> list[str]:
    """Return the places that a text names, each once, in order; sides of the body do not count."""
    lowered = _ANATOMY.sub(" ", text.lower())
    found: list[tuple[int, str]] = []

    def blank(match: re.Match[str]) -> str:
        found.append((match.start(), _word(_ROWS[match[1]], _COLUMNS[match[2]])))
        return " " * len(match[0])

    for match in _SINGLE.finditer(_PAIR.sub(blank, lowered)):
        word = match[1] or match[2]
        found.append((match.start(), _word(_ROWS.get(word, 1), _COLUMNS.get(word, 1))))
    return list(dict.fromkeys(word for _, word in sorted(found)))


def agree(stated: str, true: str) -> bool:
    """Tell whether a stated place is the true one, or a coarser word for it ("left" for "top left").

    The converse, a finer word than the truth, is a claim that the evidence does not hold; so is any place where there
    is no true one ("").
    """
    if stated == true or not true:
        return stated == true
    row, column = divmod(PLACES.index(stated), 3)
    true_row, true_column = divmod(PLACES.index(true), 3)
    on_edge = (row == 1) != (column == 1)
    return on_edge and (row == true_row if column == 1 else column == true_column)


def _word(row: int, column: int) -> str:
    return PLACES[3 * row + column]
