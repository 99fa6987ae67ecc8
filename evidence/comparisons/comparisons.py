"""What studies are compared with: for each kind of input its references, or the cohort that the inputs came with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from looktwice.core.discovery import find_parts
from looktwice.core.errors import InputError, UsageError
from looktwice.core.finding import Finding
from looktwice.core.result import Failure
from looktwice.core.study import ByteArray, Study
from looktwice.evidence import self_reference
from looktwice.evidence.base import Context, Typical
from looktwice.evidence.comparisons.golden_templates import GoldenTemplates, is_drawing
from looktwice.evidence.comparisons.photographs import (
    PhotographCohort,
    PhotographDescriber,
    PhotographReferences,
    add_own,
    typical_of,
)
from looktwice.evidence.comparisons.studies import LEAST_COHORT, Comparer, StudyCohort, StudyReferences
from looktwice.evidence.comparisons.studies import LEAST_REFERENCES as STUDY_REFERENCES
from looktwice.evidence.comparisons.tiles import TiledReferences
from looktwice.evidence.encoding import EncodedViews, StudyTokens, batches_of, is_photograph
from looktwice.evidence.expert import Expert
from looktwice.evidence.settings import DEFAULTS, Settings
from looktwice.evidence.sources import encode_for


@dataclass(eq=False)
class Comparisons:
    """What studies are compared with, by kind of input.

    Attributes
    ----------
    photographs : PhotographReferences, TiledReferences or PhotographCohort, optional
    studies : dict of str to StudyReferences or StudyCohort
        For kinds of many views.
    members : dict of str to (Tensor, float)
        What the comparison with each other says of a cohort's photographs, by ``Study.key``: logits of places (h, w),
        and of the photograph.
    tokens : dict of str to StudyTokens
        What the sources kept of them.
    typical : Typical, optional
        What self-reference finds in photographs of this material.
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
    >>> Comparisons().compare(study, [None], own=None)
    >>> study.notes
    ['not compared with other inputs: there are too few of its kind (image)']
    """

    photographs: PhotographDescriber | PhotographCohort | TiledReferences | None = None
    studies: dict[str, StudyReferences[Any] | StudyCohort[Any]] = field(default_factory=dict)
    members: dict[str, tuple[Tensor, float]] = field(default_factory=dict)
    tokens: dict[str, StudyTokens] = field(default_factory=dict)
    typical: Typical | None = None
    pictures: list[ByteArray] = field(default_factory=list)
    templates: GoldenTemplates | None = None
    shown: dict[str, Study] = field(default_factory=dict)
    settings: Settings = DEFAULTS

    def keep(self, views: EncodedViews) -> Sequence[Any]:
        """Return what `compare` will need of a batch of views, one item per view."""
        if views.photographs and self.photographs is not None:
            return self.photographs.keep(views)
        return [None] * len(views.crop_counts)

    def compare(self, study: Study, kept: Sequence[Any], own: Finding | None) -> Finding | None:
        """Compare a study; None, and a note in the study, where too few are of its kind."""
        if own is not None and study.key in self.members:
            return add_own("cohort", *self.members[study.key], own, self.typical, self.settings.photographs)
        if (
            own is not None
            and is_photograph(study)
            and isinstance(self.photographs, (PhotographReferences, TiledReferences))
        ):
            return self.photographs.compare(study.views()[0].image, kept[0], own, self.typical)
        others = self.studies.get(str(study.modality))
        if others is None:
            study.notes.append(f"not compared with other inputs: there are too few of its kind ({study.modality})")
            return None
        return others.compare(study)


def references_of(expert: Expert, studies: Iterable[Study], method: str = "levels", strict: bool = True) -> Comparisons:
    """Return what it takes to compare with normal inputs.

    Parameters
    ----------
    expert : Expert
    studies : iterable of Study
        Opened one by one; of one that has many views only what its comparison needs is kept.
    method : {"levels", "tiles"}
        How photographs are compared: by several feature levels weighed by their headroom, or whole and in tiles by one.
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
        _compare_photographs(expert, photographs, method, found)
    return found


def _compare_photographs(expert: Expert, photographs: Sequence[Study], method: str, found: Comparisons) -> None:
    found.pictures = [study.views()[0].image for study in photographs]
    drawings = expert.config.settings.drawings
    if all(is_drawing(picture, drawings) for picture in found.pictures):
        found.templates = GoldenTemplates(found.pictures, drawings)
    if method == "tiles":
        found.photographs = TiledReferences(expert, found.pictures)
        return
    tokens = encode_for(photographs, Context(expert, references=Comparisons(PhotographDescriber(expert))))
    found.photographs = PhotographReferences(expert, found.pictures, [one.kept["references"][0] for one in tokens])
    found.typical = typical_of(_self_findings(expert, photographs, tokens))


def cohort_of(expert: Expert, studies: Iterable[Study | Failure]) -> Comparisons:
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
    photographs = PhotographCohort(expert)
    described: dict[str, Any] = {}
    usual: list[Finding] = []
    members: dict[str, dict[str, Any]] = {}
    for batch in batches_of(studies):
        if isinstance(batch, Failure):
            continue
        for study in batch:
            counts[str(study.modality)] = counts.get(str(study.modality), 0) + 1
        if is_photograph(batch[0]):
            tokens = encode_for(batch, Context(expert, cohort=Comparisons(photographs)))
            usual += _self_findings(expert, batch, tokens)
            for study, own in zip(batch, tokens, strict=True):
                described[study.key] = own.kept.pop("cohort")[0]
                found.tokens[study.key] = own
            continue
        (study,) = batch
        one = _describe(study, settings)
        if one is not None:
            members.setdefault(str(study.modality), {})[study.key] = one
    if max(counts.values(), default=0) < LEAST_COHORT:
        raise UsageError(f"a cohort needs at least {LEAST_COHORT} inputs of one kind")
    if len(described) >= LEAST_COHORT:
        found.members = dict(zip(described, photographs.compare_all(list(described.values())), strict=True))
        found.typical = typical_of(usual)
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


def _self_findings(expert: Expert, studies: Sequence[Study], tokens: Sequence[StudyTokens]) -> list[Finding]:
    context = Context(expert)
    return [self_reference.look(study, own, context) for study, own in zip(studies, tokens, strict=True)]
