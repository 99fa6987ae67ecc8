"""The heat colour scale: one colour and one opacity for each score in [0, 1], the same in every image.

The scale is absolute. A map stretched to its own minimum and maximum would make normal material look defective, so
nothing here depends on the image that is drawn.
"""

from __future__ import annotations

from functools import cache

import matplotlib
import numpy as np
import numpy.typing as npt

HEAT_COLORMAP = "inferno"
"""Matplotlib's name of the colour map: perceptually uniform, and readable in grey and by colour-blind people."""

CONTOUR_RGB = (64, 224, 255)
"""Colour of the contour at the threshold: light blue is not a heat colour and is visible on grey tissue."""

MAX_OPACITY = 0.8
OPACITY_GAMMA = 1.5


@cache
def heat_lut(levels: int = 256) -> npt.NDArray[np.uint8]:
    """Return the colours of `levels` scores evenly spaced from 0 to 1.

    Opacity is ``0.8 * score ** 1.5``: at 0.2 the image below loses 7 % of its contrast, at 1 it loses 80 %.

    Returns
    -------
    uint8, shape (levels, 4)
        RGBA, not premultiplied.
    """
    score = np.linspace(0.0, 1.0, levels)
    rgba = matplotlib.colormaps[HEAT_COLORMAP](score)
    rgba[:, 3] = MAX_OPACITY * score**OPACITY_GAMMA
    return np.round(255 * rgba).astype(np.uint8)


def css_gradient() -> str:
    """Return the colour scale as a CSS gradient from left (0) to right (1), opaque."""
    stops = ", ".join("#{:02x}{:02x}{:02x}".format(*colour[:3]) for colour in heat_lut(17))
    return f"linear-gradient(to right, {stops})"
