"""What studies are compared with: for each kind of input its references, or the cohort that the inputs came with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from looktwice.core.discovery import find_parts
from looktwice.core.errors import InputError, UsageError
from looktwice.core.finding import Finding
from looktwice.core.result import Failure, Kept
from looktwice.core.study import ByteArray, Study
from looktwice.evidence.base import Context
from looktwice.evidence.comparisons.golden_templates import GoldenTemplates, is_drawing
from looktwice.evidence.comparisons.photographs import PhotographCohort, PhotographReferences, Seen, see
from looktwice.evidence.comparisons.studies import LEAST_COHORT, Comparer, StudyCohort, StudyReferences
from looktwice.evidence.comparisons.studies import LEAST_REFERENCES as STUDY_REFERENCES
from looktwice.evidence.encoding import EncodedViews, StudyTokens, batches_of, is_photograph
from looktwice.evidence.expert import Expert
from looktwice.evidence.settings import DEFAULTS, Settings
from looktwice.evidence.sources import encode_for


@dataclass(eq=False)
class Comparisons:
    """What studies are compared with, by kind of input.

    Attributes
    ----------
    photographs : PhotographReferences, optional
    studies : dict of str to StudyReferences or StudyCohort
        For kinds of many views.
    members : dict of str to Finding
        What the comparison with each other says of a cohort's photographs, by ``Study.key``.
    tokens : dict of str to StudyTokens
        What the sources kept of them.
    pictures : list of uint8 arrays
        The photographs among the references.
    templates : GoldenTemplates, optional
        The same, where they are drawings.
    shown : dict of str to Study
        One reference of each other kind, to be shown beside what was found.
    settings : Settings

    Examples
    --------
    Without references of its kind a study is not compared, and a note says so:

    >>> from pathlib import Path
    >>> import numpy as np
    >>> from looktwice.modalities.images.study import ImageStudy
    >>> study = ImageStudy(Path("plate.png"), np.zeros((32, 32, 3), np.uint8))
    >>> Comparisons().compare(study, StudyTokens((8, 8), {}))
    >>> study.notes
    ['not compared with other inputs: there are too few of its kind (image)']
    """

    photographs: PhotographReferences | None = None
    studies: dict[str, StudyReferences[Any] | StudyCohort[Any]] = field(default_factory=dict)
    members: dict[str, Finding] = field(default_factory=dict)
    tokens: dict[str, StudyTokens] = field(default_factory=dict)
    pictures: list[ByteArray] = field(default_factory=list)
    templates: GoldenTemplates | None = None
    shown: dict[str, Study] = field(default_factory=dict)
    settings: Settings = DEFAULTS

    def keep(self, views: EncodedViews) -> Sequence[Any]:
        """Return what `compare` will need of a batch of views, one item per view."""
        if views.adapted is None:
            return [None] * len(views.crop_counts)
        return see(views, self.settings.photographs)

    def compare(self, study: Study, tokens: StudyTokens) -> Finding | None:
        """Compare a study; None, and a note in the study, where too few are of its kind."""
        if study.key in self.members:
            return self.members[study.key]
        if is_photograph(study) and self.photographs is not None:
            return self.photographs.compare(_seen(tokens, "references"))
        others = self.studies.get(str(study.modality))
        if others is None:
            study.notes.append(f"not compared with other inputs: there are too few of its kind ({study.modality})")
            return None
        return others.compare(study)


def references_of(expert: Expert, studies: Iterable[Study], strict: bool = True) -> Comparisons:
    """Return what it takes to compare with normal inputs.

    Parameters
    ----------
    expert : Expert
    studies : iterable of Study
        Opened one by one; of one that has many views only what its comparison needs is kept.
    strict : bool
        Whether an input of many views that cannot be compared with, or too few of them, are an error; otherwise they
        are only shown beside what was found.

    Raises
    ------
    UsageError
        One of them cannot be compared with, or there are fewer of its kind than two photographs or three others.
    """
    settings = expert.config.settings
    found = Comparisons(settings=settings)
    photographs: list[Study] = []
    kept: dict[str, list[Any]] = {}
    for study in studies:
        if is_photograph(study):
            photographs.append(study)
            continue
        found.shown.setdefault(str(study.modality), study)
        described = comparer_of(study, settings).describe(study)
        if described is None and strict:
            raise UsageError(f"{study.source} cannot be used as a reference: {study.notes[-1]}")
        if described is not None:
            kept.setdefault(str(study.modality), []).append(described)
    for kind, own in kept.items():
        if strict or len(own) >= STUDY_REFERENCES:
            found.studies[kind] = StudyReferences(_comparers(settings)[kind], own, settings.studies)
    if photographs:
        _compare_photographs(expert, photographs, found)
    return found


def _compare_photographs(expert: Expert, photographs: Sequence[Study], found: Comparisons) -> None:
    found.pictures = [study.views()[0].image for study in photographs]
    drawings = found.settings.drawings
    if all(is_drawing(picture, drawings) for picture in found.pictures):
        found.templates = GoldenTemplates(found.pictures, drawings)
    tokens = encode_for(photographs, Context(expert, references=found))
    seen = [_seen(own, "references") for own in tokens]
    found.photographs = PhotographReferences(found.pictures, seen, found.settings)


def _seen(tokens: StudyTokens, source: str) -> Seen:
    """Return what comparisons need of a photograph, out of what sources kept of its tokens."""
    seen: Seen = tokens.kept[source][0]
    return replace(seen, judged=tokens.kept["ltfm"][0])


def cohort_of(expert: Expert, studies: Iterable[Study | Failure | Kept]) -> Comparisons:
    """Return what it takes to compare inputs, most of them normal, with the others of their kind.

    Kinds with fewer than three inputs, and inputs that cannot be opened or compared, are passed over.

    Parameters
    ----------
    expert : Expert
    studies : iterable of Study or Failure
        Opened one by one; none is kept.

    Raises
    ------
    UsageError
        No kind has three.
    """
    settings = expert.config.settings
    found, counts = Comparisons(settings=settings), dict[str, int]()
    photographs: dict[str, Seen] = {}
    members: dict[str, dict[str, Any]] = {}
    for batch in batches_of(studies):
        if not isinstance(batch, list):
            continue
        for study in batch:
            counts[str(study.modality)] = counts.get(str(study.modality), 0) + 1
        if is_photograph(batch[0]):
            tokens = encode_for(batch, Context(expert, cohort=found))
            for study, own in zip(batch, tokens, strict=True):
                photographs[study.key] = _seen(own, "cohort").coarse()
                del own.kept["cohort"]
                found.tokens[study.key] = own
            continue
        (study,) = batch
        one = _describe(study, settings)
        if one is not None:
            members.setdefault(str(study.modality), {})[study.key] = one
    if max(counts.values(), default=0) < LEAST_COHORT:
        raise UsageError(f"a cohort needs at least {LEAST_COHORT} inputs of one kind")
    if len(photographs) >= LEAST_COHORT:
        cohort = PhotographCohort(list(photographs.values()), settings)
        found.members = {key: cohort.finding(number) for number, key in enumerate(photographs)}
    for kind, described_members in members.items():
        if counts[kind] >= LEAST_COHORT:
            found.studies[kind] = StudyCohort(
                _comparers(settings)[kind], described_members, settings.studies, settings.memory_bank
            )
    return found


def comparer_of(study: Study, settings: Settings) -> Comparer[Any]:
    """Return how studies of a kind are compared.

    Raises
    ------
    UsageError
        Nothing compares this kind.
    """
    comparers = _comparers(settings)
    if str(study.modality) not in comparers:
        raise UsageError(f"{study.source}: inputs of kind {study.modality} cannot be compared with others")
    return comparers[str(study.modality)]


def _comparers(settings: Settings) -> dict[str, Comparer[Any]]:
    """Return how each kind of input is compared: files of this folder with a constant `COMPARES`."""
    parts = find_parts("evidence.comparisons", "COMPARES").values()
    return {part.constant("COMPARES"): part.load().COMPARER(settings) for part in parts}


def _describe(study: Study, settings: Settings) -> Any:
    try:
        return comparer_of(study, settings).describe(study)
    except (InputError, UsageError):
        return None
