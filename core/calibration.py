"""How raw evidence becomes calibrated: the one rule that every source follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

if TYPE_CHECKING:
    from torch import Tensor

# Normal studies differ among themselves; only this share of them may reach the threshold.
STUDY_FALSE_ALARMS = 0.1
# The median normal place comes to this logit: 0.05 on the map.
NORMAL_LOGIT = -3.0


@dataclass(frozen=True)
class Calibration:
    """How raw evidence of one source becomes logits: ``(raw - shift) / scale``, for scores and for maps.

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
        """Logits of views or studies."""
        return (raw - self.score_shift) / self.score_scale

    def of_maps(self, raw: Tensor) -> Tensor:
        """Logits of tokens."""
        return (raw - self.map_shift) / self.map_scale

    def logit(self, raw: float) -> float:
        """Logit of a study by its raw score."""
        return (raw - self.score_shift) / self.score_scale

    def score(self, raw: float) -> float:
        """Probability of a study by its raw score."""
        return float(special.expit((raw - self.score_shift) / self.score_scale))

    def probabilities(self, raw: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Probabilities of places by their raw values, in the same shape."""
        return np.asarray(special.expit((raw - self.map_shift) / self.map_scale), np.float64)


def logit(probabilities: npt.ArrayLike, margin: float = 1e-7) -> npt.NDArray[np.float64]:
    """Logits of probabilities, which are first kept `margin` away from 0 and 1."""
    clipped = np.clip(np.asarray(probabilities, np.float64), margin, 1 - margin)
    return np.asarray(special.logit(clipped))
