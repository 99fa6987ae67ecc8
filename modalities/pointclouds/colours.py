"""Colours of points as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def as_bytes(colours: Any) -> npt.NDArray[np.uint8] | None:
    """Return colours (P, 3) as bytes: floats in [0, 1] are scaled, integers are taken for bytes; None for none."""
    if colours is None or not len(colours):
        return None
    if colours.dtype.kind == "f":
        colours = np.rint(np.clip(np.nan_to_num(colours), 0, 1) * 255)
    narrow: npt.NDArray[np.uint8] = colours.astype(np.uint8)
    return narrow
