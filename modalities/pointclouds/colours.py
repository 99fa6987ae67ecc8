"""Colours of points as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_NAMES = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))


def named_colours(columns: Mapping[str, Any]) -> npt.NDArray[Any] | None:
    """Return the columns (P,) that are called red, green and blue as (P, 3), or None."""
    for names in _NAMES:
        if all(name in columns for name in names):
            return np.stack([columns[name] for name in names], axis=1)
    return None


def as_bytes(colours: Any) -> npt.NDArray[np.uint8] | None:
    """Return colours (P, 3) as bytes; None for none.

    Floats reach to 1, or to 255 where any is above 1. Integers are bytes, or 16 bits where any is above 255.
    """
    if colours is None or not len(colours):
        return None
    if colours.dtype.kind == "f":
        colours = np.nan_to_num(colours)
        colours = np.rint(np.clip(colours if colours.max() > 1 else colours * 255, 0, 255))
    elif colours.dtype.kind in "iu" and colours.max() > 255:
        colours = np.clip(colours, 0, 65535) >> 8
    narrow: npt.NDArray[np.uint8] = colours.astype(np.uint8)
    return narrow
