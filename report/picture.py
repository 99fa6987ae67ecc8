"""What a report shows of one view."""

from __future__ import annotations

from dataclasses import dataclass

from looktwice.core.study import ByteArray, FloatArray


@dataclass(frozen=True)
class Picture:
    """One view with its anomaly map.

    Attributes
    ----------
    name : str
        The view's name, in words a person understands.
    image : uint8, shape (H, W, 3)
    heat : float32, shape (h, w)
        In [0, 1], absolute; covers the full extent of `image`, at any resolution.
    score : float
        In [0, 1], how suspicious the view is.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.core.heat_layer import heat_layer
    >>> heat = np.zeros((16, 16), np.float32)
    >>> heat[4:8, 4:8] = 0.9
    >>> picture = Picture("seen from above", np.full((64, 64, 3), 128, np.uint8), heat, score=0.9)
    >>> drawn = heat_layer(picture.heat, (64, 64), threshold=0.5).over(picture.image)
    >>> drawn.shape, bool((drawn != picture.image).any())
    ((64, 64, 3), True)
    """

    name: str
    image: ByteArray
    heat: FloatArray
    score: float
