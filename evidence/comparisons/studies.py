"""Studies beside other studies: a few normal ones (references), or the unlabelled cohort that they came with.

How far apart two normal studies lie depends on the material. As for photographs (`comparison`), deviations are
therefore logarithms counted in standard deviations of what is normal here: among the references themselves, each
measured against the others; in a cohort, by the median and the median absolute deviation, since most of it is normal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import UsageError
from looktwice.core.finding import Finding, Join, NativeHeat
from looktwice.core.study import FloatArray, Study
from looktwice.evidence.comparisons.level_weights import LARGEST
from looktwice.evidence.comparisons.memory_bank import spread_others
from looktwice.evidence.comparisons.patches import PLACE_EVEN_ODDS
from looktwice.evidence.geometry import SCORED_SHARES

if TYPE_CHECKING:
    from looktwice.modalities.volumes.fields import SeparableField

# A study is as likely an anomaly as not when its deviations, halved, come to this.
EVEN_ODDS = 2.5
# Of the mean's deviation, beside that of the worst parts.
MEAN_WEIGHT = 0.5
# Of references, each is itself measured against two others at the least.
LEAST_REFERENCES, LEAST_COHORT = 3, 3
# Spread that normal material has at the least, in logarithms: few references understate it, and another scan of the
# same object must move its score little.
LEAST_SPREAD = 0.1
# Heat is kept this far from 0 and 1 before logits of places are added to it.
MARGIN = 1e-3
# Of a median absolute deviation, to a standard deviation.
_ROBUST = 1.4826

Kept = TypeVar("Kept")


class Comparer(Protocol[Kept]):
    """How studies of one kind are held against each other."""

    @property
    def clears(self) -> bool:
        """Whether finding nothing speaks for a study; otherwise only a positive logit counts."""

    def describe(self, study: Study) -> Kept | None:
        """Return what is kept of a study; None, and a note in the study, where it cannot be compared."""

    def distances(self, one: Kept, others: Sequence[Kept], mutual: bool) -> FloatArray:
        """Return the log of how far each place (N,) of one lies from the others; NaN where it was not measured.

        With `mutual`, not all of the others are normal.
        """

    def places(self, study: Study, logits: FloatArray) -> FloatArray | SeparableField:
        """Bring logits of places (N,) to the study's own space."""


@dataclass(frozen=True)
class Normal:
    """What is normal here: of a place, and of the worst and the mean of a study.

    Attributes
    ----------
    place : (float, float)
        Middle and spread.
    study : float64, shape (2, 2)
        Middle and spread of the columns of `_columns`.
    """

    place: tuple[float, float]
    study: npt.NDArray[np.float64]

    @classmethod
    def of(cls, deviations: Sequence[FloatArray]) -> Normal:
        """Measure normal studies."""
        places, columns = np.concatenate(deviations), np.stack([_columns(one) for one in deviations])
        spread = np.maximum(columns.std(axis=0, ddof=1), LEAST_SPREAD)
        place = float(np.nanmean(places)), max(float(np.nanstd(places)), LEAST_SPREAD)
        return cls(place, np.stack([columns.mean(axis=0), spread]))

    @classmethod
    def among(cls, deviations: Sequence[FloatArray]) -> Normal:
        """Measure a cohort, most of which is normal."""
        places, columns = np.concatenate(deviations), np.stack([_columns(one) for one in deviations])
        middle = np.median(columns, axis=0)
        spread = np.maximum(_ROBUST * np.median(np.abs(columns - middle), axis=0), LEAST_SPREAD)
        usual = float(np.nanmedian(places))
        place = usual, max(_ROBUST * float(np.nanmedian(np.abs(places - usual))), LEAST_SPREAD)
        return cls(place, np.stack([middle, spread]))

    def logit(self, deviations: FloatArray) -> float:
        """Return the logit of a study; spreads count half, as few references understate how far normal ones differ."""
        worst, mean = np.clip((_columns(deviations) - self.study[0]) / self.study[1], -LARGEST, LARGEST)
        return float((worst + MEAN_WEIGHT * mean) / 2 - EVEN_ODDS)

    def logits(self, deviations: FloatArray) -> FloatArray:
        """Return the logits of places; 0 where nothing was measured."""
        middle, spread = self.place
        return np.asarray(np.nan_to_num((deviations - middle) / spread - PLACE_EVEN_ODDS), np.float32)


class StudyReferences(Generic[Kept]):
    """A few normal studies of one kind to compare others with.

    Parameters
    ----------
    comparer : Comparer
    kept : sequence
        What the comparer keeps of each.

    Raises
    ------
    UsageError
        Fewer than three: nothing would tell how normal ones differ.
    """

    def __init__(self, comparer: Comparer[Kept], kept: Sequence[Kept]) -> None:
        if len(kept) < LEAST_REFERENCES:
            raise UsageError(
                f"give at least {LEAST_REFERENCES} references; their differences show how much normal inputs vary"
            )
        self._comparer, self._kept = comparer, list(kept)
        self._normal = Normal.of(
            [comparer.distances(one, [*kept[:number], *kept[number + 1 :]], False) for number, one in enumerate(kept)]
        )

    def compare(self, study: Study) -> Finding | None:
        """Compare a study with the references; None where it cannot be compared."""
        own = self._comparer.describe(study)
        if own is None:
            return None
        distances = self._comparer.distances(own, self._kept, False)
        return _finding("references", self._comparer, self._normal, distances, study)


class StudyCohort(Generic[Kept]):
    """Studies of one kind, most of them normal, each compared with the others.

    Parameters
    ----------
    comparer : Comparer
    members : mapping of str to what is kept
        By ``Study.key``.

    Raises
    ------
    UsageError
        There are fewer than three.
    """

    def __init__(self, comparer: Comparer[Kept], members: Mapping[str, Kept]) -> None:
        if len(members) < LEAST_COHORT:
            raise UsageError(f"a cohort needs at least {LEAST_COHORT} inputs that can be compared")
        self._comparer = comparer
        kept = list(members.values())
        self._distances = {
            key: comparer.distances(one, [kept[other] for other in spread_others(number, len(kept))], True)
            for number, (key, one) in enumerate(members.items())
        }
        self._normal = Normal.among(list(self._distances.values()))

    def compare(self, study: Study) -> Finding | None:
        """Say how a member differs from the others; None for what is no member."""
        distances = self._distances.get(study.key)
        return None if distances is None else _finding("cohort", self._comparer, self._normal, distances, study)


def _finding(name: str, comparer: Comparer[Kept], normal: Normal, distances: FloatArray, study: Study) -> Finding:
    logit = normal.logit(distances)
    heat = NativeHeat(comparer.places(study, normal.logits(distances)))
    return Finding(name, logit if comparer.clears else max(logit, 0.0), heat, Join.ADD, margin=MARGIN)


def _columns(deviations: FloatArray) -> npt.NDArray[np.float64]:
    """Return what the worst parts of a study reach, and its mean, shape (2,)."""
    worst = np.nanquantile(deviations, [1 - share for share in SCORED_SHARES]).mean()
    return np.array([worst, np.nanmean(deviations)])
