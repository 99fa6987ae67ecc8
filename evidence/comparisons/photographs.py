"""Comparison of photographs with a few normal ones, or with the cohort that they came with.

Nearest neighbours among tokens at the two middle levels of both encoders. A distance alone says nothing: how much two
normal photographs differ depends on the material. References are therefore measured against each other
(leave-one-out), and the members of a cohort, most of which are normal, against the others; what is usual there stands
for no anomaly. What Look-Twice says of a photograph counts a little beside it, as far as it exceeds what is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.errors import UsageError
from looktwice.core.finding import Finding, Join, ViewHeat
from looktwice.core.rates import RATES
from looktwice.core.study import ByteArray
from looktwice.core.usual import Usual
from looktwice.evidence.comparisons.gallery import OTHER_OBJECT_NOTE, Gallery
from looktwice.evidence.comparisons.memory_bank import MemoryBank, mutual_distances
from looktwice.evidence.comparisons.studies import LEAST_COHORT, check_enough
from looktwice.evidence.comparisons.usual_places import UsualPlaces
from looktwice.evidence.encoding import EncodedViews
from looktwice.evidence.ltfm import Judged
from looktwice.evidence.materials import mean_and_spread
from looktwice.evidence.settings import DEFAULTS, PhotographSettings, Settings

LEAST_REFERENCES = 2
# Distances are compared by their logarithms; none is taken for smaller than this.
_LEAST_DISTANCE = 1e-6


@dataclass(frozen=True)
class Seen:
    """What comparisons need of one photograph.

    Attributes
    ----------
    tokens : tuple of Tensor, each (N, C_l), float16
        Unit-length tokens of some levels.
    grid : (int, int)
        Their rows and columns.
    judged : Judged, optional
        What Look-Twice says of it alone.

    Examples
    --------
    >>> photograph = Seen((torch.eye(4).half(),), (2, 2))
    >>> photograph.descriptor.shape
    torch.Size([8])
    """

    tokens: tuple[Tensor, ...]
    grid: tuple[int, int]
    judged: Judged | None = None

    @property
    def logit(self) -> float:
        """What Look-Twice says."""
        return 0.0 if self.judged is None else self.judged.logit

    @property
    def places(self) -> Tensor:
        """What Look-Twice says of the places, (N,)."""
        if self.judged is None:
            return torch.zeros(self.grid[0] * self.grid[1])
        return F.adaptive_avg_pool2d(self.judged.places[None], self.grid).flatten()

    @property
    def descriptor(self) -> Tensor:
        """Mean and standard deviation of the last level's tokens, (2 C,): what the whole photograph looks like."""
        return mean_and_spread(self.tokens[-1][None])[0]

    def coarse(self) -> Seen:
        """Return the same on half the grid, which is enough to compare many with many."""
        squares = [level.float().T.unflatten(1, self.grid) for level in self.tokens]
        halved = [F.normalize(F.avg_pool2d(square, 2, ceil_mode=True), dim=0) for square in squares]
        grid = (halved[0].shape[1], halved[0].shape[2])
        return Seen(tuple(square.flatten(1).T.half() for square in halved), grid, self.judged)


def see(views: EncodedViews, settings: PhotographSettings) -> list[Seen]:
    """Return what comparisons need of a batch of encoded photographs, on the adapted encoder's grid."""
    adapted = views.adapted
    assert adapted is not None
    chosen = [(views.tokens, level) for level in settings.view_levels]
    chosen += [(adapted, level) for level in settings.levels]
    levels = [_on_grid(tokens.levels[level].float(), tokens.grid, adapted.grid) for tokens, level in chosen]
    tokens = [F.normalize(level, dim=-1).half().cpu() for level in levels]
    return [Seen(own, adapted.grid) for own in zip(*tokens, strict=True)]


def _on_grid(level: Tensor, grid: tuple[int, int], wanted: tuple[int, int]) -> Tensor:
    if grid == wanted:
        return level
    square = level.transpose(1, 2).unflatten(2, grid)
    return F.interpolate(square, wanted, mode="bilinear", align_corners=False).flatten(2).transpose(1, 2)


class PhotographReferences:
    """A few normal photographs to compare others with.

    Parameters
    ----------
    pictures : sequence of uint8, shape (H, W, 3)
    seen : sequence of Seen
        The same pictures.
    settings : Settings

    Raises
    ------
    UsageError
        Fewer than two pictures: nothing would tell how normal ones differ.

    Examples
    --------
    One token of the last photograph is like none of the references:

    >>> tokens = torch.tensor([1.0, 0.0, 0.0]) + torch.rand(5, 64, 3, generator=torch.manual_seed(0)) / 10
    >>> tokens[4, 20] = torch.tensor([0.0, 0.0, 1.0])
    >>> seen = [Seen((F.normalize(own, dim=-1).half(),), (8, 8)) for own in tokens]
    >>> import numpy as np
    >>> references = PhotographReferences([np.zeros((8, 8, 3), np.uint8)] * 4, seen[:4])
    >>> finding = references.compare(seen[4])
    >>> finding.score > 0.5, int(finding.heat.maps.argmax())
    (True, 20)
    """

    def __init__(self, pictures: Sequence[ByteArray], seen: Sequence[Seen], settings: Settings = DEFAULTS) -> None:
        check_enough(pictures, LEAST_REFERENCES)
        self._pictures, self._settings = list(pictures), settings.photographs
        self._banks = [MemoryBank(level.float(), settings.memory_bank) for level in by_level(seen)]
        # A level's distances are counted in what is usual of the references' own worst tokens.
        self._units = [max(_LEAST_DISTANCE, float(self._worst(bank.levels_of_normal).median())) for bank in self._banks]
        own = self._joined([bank.levels_of_normal for bank in self._banks])
        summaries = self._summaries(own)
        self._middle, self._spread = summaries.mean(dim=0), summaries.std(dim=0).clamp_min(self._settings.least_spread)
        values = [self._value(one, photograph) for one, photograph in zip(summaries, seen, strict=True)]
        self._usual = Usual.of(values, self._settings.usual_spread, self._settings.usual_freedom)
        self._places = UsualPlaces.of(
            _logarithm(own), [one.places for one in seen], self._settings.own_place_weight, RATES.picture_places
        )
        self._gallery = Gallery(torch.stack([own.descriptor for own in seen]), self._settings.another_object_z)

    def compare(self, seen: Seen) -> Finding:
        """Compare one photograph."""
        distances = [bank.distances(level.float()[None]) for bank, level in zip(self._banks, seen.tokens, strict=True)]
        joined = self._joined(distances)
        value = self._value(self._summaries(joined)[0], seen)
        heat = self._places.heat(_logarithm(joined[0]), seen.places, seen.grid)
        nearest, another = self._gallery.nearest(seen.descriptor[None])
        return Finding(
            "references",
            self._usual.logit(value),
            ViewHeat(heat),
            Join.REPLACE,
            replaces=("ltfm",),
            notes=(OTHER_OBJECT_NOTE,) if another else (),
            reference=self._pictures[nearest],
            p_normal=self._usual.p_normal(value),
            p_normal_from=f"{len(self._pictures)} references",
        )

    def _joined(self, distances: Sequence[Tensor]) -> Tensor:
        return torch.stack([one / unit for one, unit in zip(distances, self._units, strict=True)]).sum(dim=0)

    def _worst(self, maps: Tensor) -> Tensor:
        return worst_mean(maps, self._settings.worst_share)

    def _summaries(self, maps: Tensor) -> Tensor:
        """Return log distances (V, 2) of photographs: of their worst places, and of all places."""
        return _logarithm(torch.stack([self._worst(maps), maps.mean(dim=1)], dim=1))

    def _value(self, summaries: Tensor, seen: Seen) -> float:
        """How far a photograph is from the references in their own spreads, and what Look-Twice says of it."""
        worst, whole = ((summaries - self._middle) / self._spread).tolist()
        return float(worst + self._settings.whole_weight * whole + self._settings.own_weight * seen.logit)


class PhotographCohort:
    """Photographs, most of them normal, each compared with the others.

    Parameters
    ----------
    seen : sequence of Seen
        At least three, on a coarse grid.
    settings : Settings

    Raises
    ------
    UsageError
        Fewer than three.

    Examples
    --------
    One token of the last of five photographs is like none of the others:

    >>> tokens = torch.tensor([1.0, 0.0, 0.0]) + torch.rand(5, 64, 3, generator=torch.manual_seed(0)) / 10
    >>> tokens[4, 20] = torch.tensor([0.0, 0.0, 1.0])
    >>> cohort = PhotographCohort([Seen((F.normalize(own, dim=-1).half(),), (8, 8)) for own in tokens])
    >>> found = [cohort.finding(number) for number in range(5)]
    >>> max(range(5), key=lambda number: found[number].logit), int(found[4].heat.maps.argmax())
    (4, 20)
    """

    def __init__(self, seen: Sequence[Seen], settings: Settings = DEFAULTS) -> None:
        if len(seen) < LEAST_COHORT:
            raise UsageError(f"a cohort needs at least {LEAST_COHORT} photographs")
        self._seen, own = list(seen), settings.photographs
        distances = [mutual_distances(level, settings.memory_bank) for level in by_level(seen)]
        worst = [_logarithm(worst_mean(level, own.worst_share)) for level in distances]
        logits = torch.tensor([one.logit for one in seen])
        total = torch.stack([_standard(one, own.least_spread) for one in worst]).sum(dim=0)
        self._values = (total + _standard(logits, own.least_spread)).tolist()
        self._usual = Usual.among(self._values, own.least_spread)
        scaled = [level / level.median().clamp_min(_LEAST_DISTANCE) for level in distances]
        self._logarithms = _logarithm(torch.stack(scaled).sum(dim=0))
        self._places = UsualPlaces.of(
            self._logarithms, [one.places for one in seen], own.own_place_weight, own.cohort_places
        )

    def finding(self, number: int) -> Finding:
        """Return what the others say of one member."""
        value, seen = self._values[number], self._seen[number]
        heat = self._places.heat(self._logarithms[number], seen.places, seen.grid)
        return Finding(
            "cohort",
            self._usual.logit(value),
            ViewHeat(heat),
            Join.REPLACE,
            replaces=("ltfm",),
            p_normal=self._usual.p_normal(value),
            p_normal_from=f"a cohort of {len(self._seen)}",
        )


def by_level(seen: Sequence[Seen]) -> list[Tensor]:
    """Return the tokens of photographs level by level, each (V, N, C_l)."""
    return [torch.stack(level) for level in zip(*(one.tokens for one in seen), strict=True)]


def worst_mean(maps: Tensor, share: float) -> Tensor:
    """Return the mean of the largest values of each row, a share of them."""
    count = max(1, int(maps.shape[1] * share))
    mean: Tensor = maps.topk(count, dim=1).values.mean(dim=1)
    return mean


def _logarithm(distances: Tensor) -> Tensor:
    return distances.clamp_min(_LEAST_DISTANCE).log()


def _standard(values: Tensor, least_spread: float) -> Tensor:
    return (values - values.median()) / values.std().clamp_min(least_spread)
