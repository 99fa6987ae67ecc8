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
    """

    name: str
    image: ByteArray
    heat: FloatArray
    score: float
