"""Calibration: the shift and scale that turn raw values into logits, the same way for every source of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import special

if TYPE_CHECKING:
    from torch import Tensor

# Probabilities are kept this far from 0 and 1 before they become logits: what is surer than that is not told apart.
CLIP = 1e-3
# Logit of the median location of normal inputs: 0.05 on the heat map.
NORMAL_LOGIT = -3.0


@dataclass(frozen=True)
class Calibration:
    """The calibration of one source, ``logit = (raw - shift) / scale``, for scores and for maps.

    Attributes
    ----------
    score_shift, score_scale : float
    map_shift, map_scale : float

    Examples
    --------
    >>> calibration = Calibration(score_shift=2.0, score_scale=0.5)
    >>> calibration.logit(3.0), calibration.score(2.0), round(calibration.score(3.0), 2)
    (2.0, 0.5, 0.88)
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
        return float(special.expit(self.logit(raw)))

    def probabilities(self, raw: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the map values of locations, in [0, 1], from their raw values, in the same shape."""
        return np.asarray(special.expit((raw - self.map_shift) / self.map_scale), np.float64)


def logit_of_excess(values: Any, usual: float, high: float, least: float = 1e-6) -> Any:
    """Return the logits of values, number or array: that of usual ones is `NORMAL_LOGIT`, and of `high` ones 0.

    Parameters
    ----------
    values : float or array
    usual : float
        What normal inputs come to.
    high : float
        What few of them exceed.
    least : float
        Least distance from one to the other.

    Examples
    --------
    >>> logit_of_excess(2.0, usual=0.0, high=2.0), logit_of_excess(0.0, usual=0.0, high=2.0)
    (-0.0, -3.0)
    """
    return NORMAL_LOGIT * (1 - (values - usual) / max(high - usual, least))


def logit(probabilities: npt.ArrayLike, margin: float = CLIP) -> npt.NDArray[np.float64]:
    """Return the logits of probabilities, which are first clipped to ``[margin, 1 - margin]``."""
    clipped = np.clip(np.asarray(probabilities, np.float64), margin, 1 - margin)
    return np.asarray(special.logit(clipped))


def exact_logit(probabilities: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the logits of probabilities, as exact as float64 has them; about -36.7 and 36.7 for 0 and 1.

    Examples
    --------
    >>> exact_logit([0.5, 0.9999, 1.0]).round(2).tolist()
    [0.0, 9.21, 36.74]
    """
    return logit(probabilities, float(np.finfo(np.float64).epsneg))
