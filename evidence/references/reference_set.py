"""What inputs are compared with: one comparison for each kind of which there are references, or a cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from looktwice import modalities
from looktwice.core.errors import InputError, UsageError
from looktwice.core.study import Modality, Study
from looktwice.evidence.expert import Expert, Sighting
from looktwice.evidence.references.photographs import PhotographReferences, open_photographs, photographs_of, see_cohort
from looktwice.evidence.references.studies import LEAST_COHORT, Cohort, Compared, Comparer, References

Open = Callable[[Path], Study]


class Beside:
    """What to look at studies beside; nothing until told.

    Attributes
    ----------
    photographs : PhotographReferences, optional
    cohort : dict of Path to Sighting
        Photographs that were looked at as a cohort.
    studies : dict of Modality to References or Cohort
        For volumes and clouds.
    """

    def __init__(self) -> None:
        self.photographs: PhotographReferences | None = None
        self.cohort: dict[Path, Sighting] = {}
        self.studies: dict[Modality, References[Any] | Cohort[Any]] = {}

    @classmethod
    def references(cls, expert: Expert, paths: Sequence[Path], open_one: Open) -> Beside:
        """Return what it takes to compare with normal inputs.

        Raises
        ------
        UsageError
            One of them cannot be read or compared with, or there are fewer of its kind than two photographs or three
            others.
        """
        beside = cls()
        for kind, own in _by_kind(paths, strict=True).items():
            if kind is Modality.IMAGE:
                beside.photographs = PhotographReferences(expert, open_photographs(own))
            else:
                comparer = comparer_of(kind)
                beside.studies[kind] = References(comparer, [_usable(comparer, path, open_one) for path in own])
        return beside

    @classmethod
    def each_other(cls, expert: Expert, paths: Sequence[Path], open_one: Open) -> Beside:
        """Return what it takes to compare inputs, most of them normal, with the others of their kind.

        What cannot be read or compared is passed over, and so are kinds with fewer than three inputs.

        Raises
        ------
        UsageError
            No kind has three.
        """
        beside = cls()
        kinds = {kind: own for kind, own in _by_kind(paths, strict=False).items() if len(own) >= LEAST_COHORT}
        if not kinds:
            raise UsageError(f"a cohort needs at least {LEAST_COHORT} inputs of one kind")
        for kind, own in kinds.items():
            if kind is Modality.IMAGE:
                readable: list[Path] = []
                sightings = see_cohort(expert, photographs_of(own, readable))
                beside.cohort = dict(zip(readable, sightings, strict=True))
            else:
                comparer = comparer_of(kind)
                beside.studies[kind] = Cohort(comparer, dict(_comparable(comparer, own, open_one)))
        return beside

    def compare(self, study: Study) -> Compared | None:
        """Hold a volume or a cloud against the others of its kind; None, and a note, where there are none."""
        if study.modality is Modality.IMAGE or not (self.photographs or self.cohort or self.studies):
            return None
        others = self.studies.get(study.modality)
        if others is None:
            study.notes.append(f"not compared with other inputs: too few are of its kind ({study.modality.value})")
            return None
        return others.compare(study)


def comparer_of(kind: Modality) -> Comparer[Any]:
    """Return how volumes or clouds are compared."""
    if kind is Modality.VOLUME:
        from looktwice.evidence.references.brains import BrainComparer

        return BrainComparer()
    from looktwice.evidence.references.clouds import CloudComparer

    return CloudComparer()


def _by_kind(paths: Sequence[Path], *, strict: bool) -> dict[Modality, list[Path]]:
    kinds: dict[Modality, list[Path]] = {}
    for path in paths:
        try:
            kinds.setdefault(modalities.detect(path), []).append(path)
        except InputError as error:
            if strict:
                raise UsageError(str(error)) from error
    return kinds


def _usable(comparer: Comparer[Any], path: Path, open_one: Open) -> Any:
    try:
        study = open_one(path)
        kept = comparer.describe(study)
    except InputError as error:
        raise UsageError(str(error)) from error
    if kept is None:
        raise UsageError(f"{path} cannot be a reference: {study.notes[-1]}")
    return kept


def _comparable(comparer: Comparer[Any], paths: Sequence[Path], open_one: Open) -> Iterator[tuple[Path, Any]]:
    """Yield what is kept of one input after another; no two are held in memory at once."""
    for path in paths:
        try:
            study = open_one(path)
            kept = comparer.describe(study)
        except InputError:
            continue
        if kept is not None:
            yield study.source, kept
