"""Calibration: the shift and scale that turn raw values into logits, the same way for every source of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

if TYPE_CHECKING:
    from torch import Tensor

# False-alarm rate: the share of normal studies that may reach the threshold.
STUDY_FALSE_ALARMS = 0.1
# Logit of the median location of normal inputs: 0.05 on the heat map.
NORMAL_LOGIT = -3.0


@dataclass(frozen=True)
class Calibration:
    """The calibration of one source, ``logit = (raw - shift) / scale``, for scores and for maps.

    Attributes
    ----------
    score_shift, score_scale : float
    map_shift, map_scale : float
    """

    score_shift: float = 0.0
    score_scale: float = 1.0
    map_shift: float = 0.0
    map_scale: float = 1.0

    def of_scores(self, raw: Tensor) -> Tensor:
        """Return the logits of raw scores of views or studies."""
        return (raw - self.score_shift) / self.score_scale

    def of_maps(self, raw: Tensor) -> Tensor:
        """Return the logits of raw token values."""
        return (raw - self.map_shift) / self.map_scale

    def logit(self, raw: float) -> float:
        """Logit of a study by its raw score."""
        return (raw - self.score_shift) / self.score_scale

    def score(self, raw: float) -> float:
        """Return the score of a study, in [0, 1], from its raw score."""
        return float(special.expit((raw - self.score_shift) / self.score_scale))

    def probabilities(self, raw: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the map values of locations, in [0, 1], from their raw values, in the same shape."""
        return np.asarray(special.expit((raw - self.map_shift) / self.map_scale), np.float64)


def logit(probabilities: npt.ArrayLike, margin: float = 1e-7) -> npt.NDArray[np.float64]:
    """Return the logits of probabilities, which are first clipped to ``[margin, 1 - margin]``."""
    clipped = np.clip(np.asarray(probabilities, np.float64), margin, 1 - margin)
    return np.asarray(special.logit(clipped))
