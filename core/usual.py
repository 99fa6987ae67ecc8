"""What a number measured on a few normal inputs says of that number measured on a new one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from looktwice.core.calibration import logit_of_excess
from looktwice.core.rates import RATES
from looktwice.core.statistics import robust_scale

_LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Usual:
    """Middle and spread of a number among normal inputs, and how well they are known.

    A new input's excess follows Student's t, widened because the middle is itself an estimate: with few inputs the
    threshold stands further out (a prediction interval).

    Attributes
    ----------
    middle, spread : float
    freedom : float
        Degrees of freedom of the spread.
    count : int
        Of the inputs.
    false_alarms : float
        Share of normal inputs whose logit is above 0.

    Examples
    --------
    The same excess says less beside four inputs than beside forty:

    >>> four, forty = (Usual(0.0, 1.0, count - 1, count) for count in (4, 40))
    >>> round(four.logit(2.0), 2), round(forty.logit(2.0), 2)
    (-0.72, 0.52)
    >>> round(forty.p_normal(2.0), 3)
    0.028
    """

    middle: float
    spread: float
    freedom: float
    count: int
    false_alarms: float = RATES.pictures

    @staticmethod
    def of(
        values: npt.ArrayLike,
        prior_spread: float = 0.0,
        prior_freedom: float = 0.0,
        false_alarms: float = RATES.pictures,
    ) -> Usual:
        """Return what is usual of normal inputs, the spread moderated by that of other materials (Smyth 2004).

        Parameters
        ----------
        values : array_like, shape (n,)
            Of at least two inputs.
        prior_spread, prior_freedom : float
            What the spread usually is, and how many further inputs that is worth.
        false_alarms : float
        """
        known = np.asarray(values, np.float64)
        own, freedom = known.var(ddof=1), len(known) - 1
        variance = (prior_freedom * prior_spread**2 + freedom * own) / (prior_freedom + freedom)
        spread = max(math.sqrt(variance), _LEAST_SPREAD)
        return Usual(float(known.mean()), spread, prior_freedom + freedom, len(known), false_alarms)

    @staticmethod
    def among(values: npt.ArrayLike, least_spread: float) -> Usual:
        """Return what is usual among inputs most of which are normal, by median and median absolute deviation."""
        known = np.asarray(values, np.float64)
        middle, spread = robust_scale(known)
        return Usual(float(middle), max(least_spread, float(spread)), len(known) - 1, len(known))

    @property
    def limit(self) -> float:
        """What the stated share of normal inputs exceeds."""
        return self.middle + self._scale * float(stats.t.isf(self.false_alarms, self.freedom))

    def logit(self, value: float) -> float:
        """Return 0 for what the stated share of normal inputs exceeds, and -3 for the middle of them."""
        return float(logit_of_excess(value, self.middle, self.limit, _LEAST_SPREAD))

    def p_normal(self, value: float) -> float:
        """Return the share of normal inputs that come to more than a value."""
        return float(stats.t.sf((value - self.middle) / self._scale, self.freedom))

    @property
    def _scale(self) -> float:
        return self.spread * math.sqrt(1 + 1 / self.count)
