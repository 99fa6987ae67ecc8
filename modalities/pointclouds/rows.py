"""Rows of numbers in text, and polygons of several lengths: what the text formats of clouds and meshes share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatTable = npt.NDArray[np.float64]
Lists = tuple[npt.NDArray[np.int64], npt.NDArray[Any]]
"""How long each list is, and the items of all of them one after another."""

# How C libraries of other systems print what is not a number.
_NOT_A_NUMBER = re.compile(r"[+-]?(?:nan\(\w*\)|1\.#\w+)", re.IGNORECASE)


def number_rows(lines: Sequence[str], columns: Sequence[int]) -> FloatTable:
    """Return some columns of lines of numbers as float64, shape (len(lines), len(columns)); further ones are ignored.

    Raises
    ------
    ValueError
        A line has too few columns, or something else than a number in one of these.
    """
    if not lines:
        return np.empty((0, len(columns)))
    try:
        return np.loadtxt(lines, np.float64, comments=None, usecols=columns, ndmin=2)
    except ValueError:
        mended = [_NOT_A_NUMBER.sub("nan", line) for line in lines]
        return np.loadtxt(mended, np.float64, comments=None, usecols=columns, ndmin=2)


def integer_lists(lines: Sequence[str], before: int = 0) -> Lists:
    """Return the lists in lines such as ``3 0 1 2``; `before` is how many numbers stand before the list's length.

    Raises
    ------
    ValueError
        A line holds fewer items than it says, or something else than whole numbers.
    """
    if not lines:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    length = int(lines[0].split()[before])
    try:
        table = np.loadtxt(lines, np.int64, comments=None, usecols=range(before, before + 1 + max(0, length)), ndmin=2)
        if (table[:, 0] == length).all():
            return table[:, 0], table[:, 1:].ravel()
    except ValueError:
        pass  # of several lengths
    lengths, items = [], []
    for line in lines:
        words = line.split()
        length = int(words[before])
        if length < 0 or len(words) < before + 1 + length:
            raise ValueError("a list ends early")
        lengths.append(length)
        items += words[before + 1 : before + 1 + length]
    return np.array(lengths, np.int64), np.array(items, np.int64)


def fans(polygons: Lists) -> npt.NDArray[np.int64]:
    """Cut polygons into triangles, shape (F, 3), in the polygons' order; those with fewer than three corners go."""
    lengths, items = polygons
    starts = np.cumsum(lengths) - lengths
    parts, owners = [], []
    for length in np.unique(lengths[lengths >= 3]):
        own = np.flatnonzero(lengths == length)
        corners = items[starts[own, None] + np.arange(length)].astype(np.int64)
        for second in range(1, length - 1):
            parts.append(corners[:, (0, second, second + 1)])
            owners.append(own)
    if not parts:
        return np.empty((0, 3), np.int64)
    order = np.argsort(np.concatenate(owners), kind="stable")
    cut: npt.NDArray[np.int64] = np.concatenate(parts)[order]
    return cut


def strip_triangles(order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the triangles of one strip of vertices, shape (N - 2, 3), all turned the same way."""
    if len(order) < 3:
        return np.empty((0, 3), np.int64)
    strip = np.stack([order[:-2], order[1:-1], order[2:]], axis=1)
    strip[1::2, :2] = strip[1::2, 1::-1]
    return strip
