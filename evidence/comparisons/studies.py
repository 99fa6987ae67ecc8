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
from scipy.special import expit

from looktwice.core.errors import UsageError
from looktwice.core.finding import Finding, Join, NativeHeat
from looktwice.core.rates import RATES
from looktwice.core.statistics import robust_scale
from looktwice.core.study import FloatArray, Study
from looktwice.core.usual import Usual
from looktwice.evidence.comparisons.memory_bank import spread_others
from looktwice.evidence.settings import DEFAULTS, MemoryBankSettings, StudyComparisonSettings

if TYPE_CHECKING:
    from looktwice.modalities.volumes.fields import SeparableField  # kind: heat of volumes is a field

# Of references, each is itself measured against two others at the least.
LEAST_REFERENCES, LEAST_COHORT = 3, 3

Kept = TypeVar("Kept")


class Comparer(Protocol[Kept]):
    """How studies of one kind are held against each other."""

    @property
    def clears(self) -> bool:
        """Whether finding nothing speaks for a study; otherwise only a positive logit counts."""

    @property
    def judges_alone(self) -> bool:
        """Whether references of this kind decide alone, at the threshold that they give, and replace other evidence."""

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
    settings : StudyComparisonSettings

    Examples
    --------
    Four normal studies, and one with a place that lies far off:

    >>> studies = np.random.default_rng(0).normal(size=(5, 1000)).astype(np.float32)
    >>> studies[4, :20] += 9
    >>> normal = Normal.of(list(studies[:4]), DEFAULTS.studies)
    >>> normal.logit(studies[0]) < 0 < normal.logit(studies[4])
    True
    """

    place: tuple[float, float]
    study: npt.NDArray[np.float64]
    settings: StudyComparisonSettings

    @classmethod
    def of(cls, deviations: Sequence[FloatArray], settings: StudyComparisonSettings) -> Normal:
        """Measure normal studies."""
        places, least = np.concatenate(deviations), settings.least_spread
        columns = np.stack([_columns(one, settings.scored_shares) for one in deviations])
        spread = np.maximum(columns.std(axis=0, ddof=1), least)
        place = float(np.nanmean(places)), max(float(np.nanstd(places)), least)
        return cls(place, np.stack([columns.mean(axis=0), spread]), settings)

    @classmethod
    def among(cls, deviations: Sequence[FloatArray], settings: StudyComparisonSettings) -> Normal:
        """Measure a cohort, most of which is normal."""
        places, least = np.concatenate(deviations), settings.least_spread
        columns = np.stack([_columns(one, settings.scored_shares) for one in deviations])
        middle, spread = robust_scale(columns, axis=0)
        usual, place_spread = robust_scale(places)
        place = usual, max(float(place_spread), least)
        return cls(place, np.stack([middle, np.maximum(spread, least)]), settings)

    def logit(self, deviations: FloatArray) -> float:
        """Return the logit of a study; spreads count half, as few references understate how far normal ones differ."""
        settings = self.settings
        columns = (_columns(deviations, settings.scored_shares) - self.study[0]) / self.study[1]
        worst, mean = np.clip(columns, -settings.largest_z, settings.largest_z)
        return float((worst + settings.mean_weight * mean) / 2 - settings.logit_offset)

    def logits(self, deviations: FloatArray) -> FloatArray:
        """Return the logits of places; 0 where nothing was measured."""
        middle, spread = self.place
        return np.asarray(np.nan_to_num((deviations - middle) / spread - self.settings.even_odds_z), np.float32)


def check_enough(references: Sequence[object], least: int) -> None:
    """Raise UsageError where fewer than `least` references are given: nothing would tell how normal ones differ."""
    if len(references) < least:
        raise UsageError(f"give at least {least} references; their differences show how much normal inputs vary")


def usual_worst(deviations: Sequence[FloatArray], settings: StudyComparisonSettings) -> Usual:
    """Return what the worst parts of normal studies come to, and so where the threshold of a new one stands."""
    worst = [_columns(one, settings.scored_shares)[0] for one in deviations]
    return Usual.of(worst, settings.prior_spread, settings.prior_freedom, RATES.pictures)


class StudyReferences(Generic[Kept]):
    """A few normal studies of one kind to compare others with.

    Parameters
    ----------
    comparer : Comparer
    kept : sequence
        What the comparer keeps of each.
    settings : StudyComparisonSettings

    Raises
    ------
    UsageError
        Fewer than three: nothing would tell how normal ones differ.

    Examples
    --------
    Rows of numbers stand for studies; the last one is unlike the others:

    >>> from types import SimpleNamespace
    >>> comparer = SimpleNamespace(
    ...     clears=True,
    ...     judges_alone=False,
    ...     describe=lambda study: study.values,
    ...     distances=lambda one, others, mutual: np.log1p(np.abs(one - np.median(others, axis=0))),
    ...     places=lambda study, logits: logits,
    ... )
    >>> rows = np.random.default_rng(0).normal(size=(6, 1000))
    >>> rows[5, :20] += 9
    >>> references = StudyReferences(comparer, list(rows[:4]))
    >>> [references.compare(SimpleNamespace(values=row)).score > 0.5 for row in rows[4:]]
    [False, True]
    """

    def __init__(
        self,
        comparer: Comparer[Kept],
        kept: Sequence[Kept],
        settings: StudyComparisonSettings = DEFAULTS.studies,
    ) -> None:
        check_enough(kept, LEAST_REFERENCES)
        self._comparer, self._kept = comparer, list(kept)
        deviations = [
            comparer.distances(one, [*kept[:number], *kept[number + 1 :]], False) for number, one in enumerate(kept)
        ]
        self._normal = Normal.of(deviations, settings)
        self._usual = usual_worst(deviations, settings) if comparer.judges_alone else None

    def compare(self, study: Study) -> Finding | None:
        """Compare a study with the references; None where it cannot be compared."""
        own = self._comparer.describe(study)
        if own is None:
            return None
        distances = self._comparer.distances(own, self._kept, False)
        if self._usual is None:
            return _finding("references", self._comparer, self._normal, distances, study)
        worst = float(_columns(distances, self._normal.settings.scored_shares)[0])
        # Low, the map's logits may be as they are; 0.5 on it is what few places of a normal study reach.
        heat = NativeHeat(expit(self._comparer.places(study, self._normal.logits(distances))))
        return Finding(
            "references",
            self._usual.logit(worst),
            heat,
            Join.REPLACE,
            replaces=("geometry",),
            p_normal=self._usual.p_normal(worst),
            p_normal_from=f"{len(self._kept)} references, each measured against the others",
        )


class StudyCohort(Generic[Kept]):
    """Studies of one kind, most of them normal, each compared with the others.

    Parameters
    ----------
    comparer : Comparer
    members : mapping of str to what is kept
        By ``Study.key``.
    settings : StudyComparisonSettings
    members_compared : MemoryBankSettings
        How many others each is compared with.

    Raises
    ------
    UsageError
        There are fewer than three.

    Examples
    --------
    Rows of numbers stand for studies; the last one is unlike the others:

    >>> from types import SimpleNamespace
    >>> comparer = SimpleNamespace(
    ...     clears=True,
    ...     judges_alone=False,
    ...     distances=lambda one, others, mutual: np.log1p(np.abs(one - np.median(others, axis=0))),
    ...     places=lambda study, logits: logits,
    ... )
    >>> rows = np.random.default_rng(0).normal(size=(6, 1000))
    >>> rows[5, :20] += 9
    >>> cohort = StudyCohort(comparer, dict(zip("abcdef", rows, strict=True)))
    >>> [cohort.compare(SimpleNamespace(key=key)).score > 0.5 for key in "abcdef"]
    [False, False, False, False, False, True]
    """

    def __init__(
        self,
        comparer: Comparer[Kept],
        members: Mapping[str, Kept],
        settings: StudyComparisonSettings = DEFAULTS.studies,
        members_compared: MemoryBankSettings = DEFAULTS.memory_bank,
    ) -> None:
        if len(members) < LEAST_COHORT:
            raise UsageError(f"a cohort needs at least {LEAST_COHORT} inputs that can be compared")
        self._comparer = comparer
        kept = list(members.values())
        self._distances = {
            key: comparer.distances(
                one, [kept[other] for other in spread_others(number, len(kept), members_compared)], True
            )
            for number, (key, one) in enumerate(members.items())
        }
        self._normal = Normal.among(list(self._distances.values()), settings)

    def compare(self, study: Study) -> Finding | None:
        """Say how a member differs from the others; None for what is no member."""
        distances = self._distances.get(study.key)
        return None if distances is None else _finding("cohort", self._comparer, self._normal, distances, study)


def _finding(name: str, comparer: Comparer[Kept], normal: Normal, distances: FloatArray, study: Study) -> Finding:
    logit = normal.logit(distances)
    heat = NativeHeat(comparer.places(study, normal.logits(distances)))
    return Finding(name, logit if comparer.clears else max(logit, 0.0), heat, Join.ADD)


def _columns(deviations: FloatArray, scored_shares: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return what the worst parts of a study reach, and its mean, shape (2,)."""
    worst = np.nanquantile(deviations, [1 - share for share in scored_shares]).mean()
    return np.array([worst, np.nanmean(deviations)])
