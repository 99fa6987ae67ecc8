"""What exports and the viewer read of a scored cloud."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from looktwice.core.study import FloatArray
from looktwice.modalities.pointclouds.placed import PlacedCloud


class ScoredCloud(Protocol):
    """A cloud with one score per point.

    Attributes
    ----------
    placed : PlacedCloud
    values : float32, shape (P,)
    seen_count : uint8, shape (P,)
        How many views see each point.
    """

    placed: PlacedCloud
    values: FloatArray
    seen_count: npt.NDArray[np.uint8]

    @property
    def points(self) -> npt.NDArray[np.floating]:
        """The file's points, shape (P, 3)."""

    @property
    def colours(self) -> npt.NDArray[np.uint8]:
        """The scores as colours, shape (P, 3)."""
