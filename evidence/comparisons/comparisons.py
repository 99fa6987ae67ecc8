"""What studies are compared with: for each kind of input its references, or the cohort that the inputs came with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from looktwice.core.discovery import find_parts
from looktwice.core.errors import InputError, UsageError
from looktwice.core.finding import Finding
from looktwice.core.study import Study
from looktwice.evidence import self_reference
from looktwice.evidence.base import Context, Typical
from looktwice.evidence.comparisons.photographs import (
    PhotographCohort,
    PhotographDescriber,
    PhotographReferences,
    typical_of,
)
from looktwice.evidence.comparisons.studies import LEAST_COHORT, Comparer, StudyCohort, StudyReferences
from looktwice.evidence.encoding import PHOTOGRAPH_BATCH, EncodedViews, StudyTokens, is_photograph
from looktwice.evidence.expert import Expert
from looktwice.evidence.sources import encode_for


@dataclass(eq=False)
class Comparisons:
    """What studies are compared with, by kind of input.

    Attributes
    ----------
    photographs : PhotographReferences or PhotographCohort, optional
    studies : dict of str to StudyReferences or StudyCohort
        For kinds of many views.
    members : dict of str to Finding
        What the comparison with each other says of a cohort's photographs, by ``Study.key``.
    tokens : dict of str to StudyTokens
        What the sources kept of them.
    usual : Typical, optional
        What self-reference finds in photographs of this material.
    """

    photographs: PhotographDescriber | PhotographCohort | None = None
    studies: dict[str, StudyReferences[Any] | StudyCohort[Any]] = field(default_factory=dict)
    members: dict[str, Finding] = field(default_factory=dict)
    tokens: dict[str, StudyTokens] = field(default_factory=dict)
    usual: Typical | None = None

    def keep(self, views: EncodedViews) -> Sequence[Any]:
        """Return what `compare` will need of a batch of views, one item per view."""
        if views.photographs and self.photographs is not None:
            return self.photographs.keep(views)
        return [None] * len(views.crop_counts)

    def compare(self, study: Study, kept: Sequence[Any]) -> Finding | None:
        """Compare a study; None, and a note in the study, where too few are of its kind."""
        if study.key in self.members:
            return self.members[study.key]
        if is_photograph(study) and isinstance(self.photographs, PhotographReferences):
            return self.photographs.compare(kept)
        others = self.studies.get(str(study.modality))
        if others is None:
            study.notes.append(f"not compared with other inputs: too few are of its kind ({study.modality})")
            return None
        return others.compare(study)

    def typical(self, study: Study) -> Typical | None:
        """Return what self-reference finds in normal inputs of this kind; known for photographs only."""
        return self.usual if is_photograph(study) else None


def references_of(expert: Expert, studies: Iterable[Study]) -> Comparisons:
    """Return what it takes to compare with normal inputs.

    Parameters
    ----------
    expert : Expert
    studies : iterable of Study
        Opened one by one; of one that has many views only what its comparison needs is kept.

    Raises
    ------
    UsageError
        One of them cannot be compared with, or there are fewer of its kind than two photographs or three others.
    """
    photographs: list[Study] = []
    kept: dict[str, list[Any]] = {}
    for study in studies:
        if is_photograph(study):
            photographs.append(study)
            continue
        described = comparer_of(study).describe(study)
        if described is None:
            raise UsageError(f"{study.source} cannot be a reference: {study.notes[-1]}")
        kept.setdefault(str(study.modality), []).append(described)
    found = Comparisons()
    for kind, own in kept.items():
        found.studies[kind] = StudyReferences(_comparers()[kind], own)
    if photographs:
        pictures = [study.views()[0].image for study in photographs]
        tokens = encode_for(photographs, Context(expert, references=Comparisons(PhotographDescriber(expert))))
        found.photographs = PhotographReferences(expert, pictures, [one.kept["references"][0] for one in tokens])
        found.usual = typical_of(_self_findings(expert, photographs, tokens))
    return found


def cohort_of(expert: Expert, studies: Iterable[Study]) -> Comparisons:
    """Return what it takes to compare inputs, most of them normal, with the others of their kind.

    Kinds with fewer than three inputs, and inputs that cannot be compared, are passed over.

    Parameters
    ----------
    expert : Expert
    studies : iterable of Study
        Opened one by one; none is kept.

    Raises
    ------
    UsageError
        No kind has three.
    """
    found, counts = Comparisons(), dict[str, int]()
    photographs = PhotographCohort(expert)
    described: dict[str, Any] = {}
    usual: list[Finding] = []
    members: dict[str, dict[str, Any]] = {}
    for batch in _batches(studies):
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
        one = _describe(study)
        if one is not None:
            members.setdefault(str(study.modality), {})[study.key] = one
    if max(counts.values(), default=0) < LEAST_COHORT:
        raise UsageError(f"a cohort needs at least {LEAST_COHORT} inputs of one kind")
    if len(described) >= LEAST_COHORT:
        findings = photographs.findings(list(described.values()))
        found.members = dict(zip(described, findings, strict=True))
        found.usual = typical_of(usual)
    for kind, described_members in members.items():
        if counts[kind] >= LEAST_COHORT:
            found.studies[kind] = StudyCohort(_comparers()[kind], described_members)
    return found


def comparer_of(study: Study) -> Comparer[Any]:
    """Return how studies of a kind are compared.

    Raises
    ------
    UsageError
        Nothing compares this kind.
    """
    comparers = _comparers()
    if str(study.modality) not in comparers:
        raise UsageError(f"{study.source}: inputs of kind {study.modality} cannot be compared with others")
    return comparers[str(study.modality)]


def _comparers() -> dict[str, Comparer[Any]]:
    """Return how each kind of input is compared: files of this folder with a constant `COMPARES`."""
    parts = find_parts("evidence.comparisons", "COMPARES").values()
    return {part.constant("COMPARES"): part.load().COMPARER for part in parts}


def _describe(study: Study) -> Any:
    try:
        return comparer_of(study).describe(study)
    except (InputError, UsageError):
        return None


def _self_findings(expert: Expert, studies: Sequence[Study], tokens: Sequence[StudyTokens]) -> list[Finding]:
    context = Context(expert)
    return [self_reference.look(study, own, context) for study, own in zip(studies, tokens, strict=True)]


def _batches(studies: Iterable[Study]) -> Iterator[list[Study]]:
    """Gather photographs into batches, whatever lies between them; others come one by one."""
    waiting: list[Study] = []
    for study in studies:
        if not is_photograph(study):
            yield [study]
            continue
        waiting.append(study)
        if len(waiting) == PHOTOGRAPH_BATCH:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
