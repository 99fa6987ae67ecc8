"""The sources of evidence, found by the names of their files, and asking all of them about studies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import cast

from looktwice.core.discovery import find_parts
from looktwice.core.finding import Finding
from looktwice.core.study import Study
from looktwice.evidence.base import Context, Source, TokenSource
from looktwice.evidence.encoding import Keep, StudyTokens, encode_studies


def find_sources() -> list[Source]:
    """Return all sources of evidence, each behind those whose findings it wants to know."""
    return in_order([cast(Source, part.load()) for part in find_parts("evidence", "TITLE").values()])


def in_order(sources: Iterable[Source]) -> list[Source]:
    """Sort sources so that each stands behind those that its ``AFTER`` names; otherwise their order is kept."""
    waiting, placed = list(sources), list[Source]()
    names = {source.NAME for source in waiting}
    while waiting:
        done = {source.NAME for source in placed}
        ready = next((one for one in waiting if not set(_after(one)) & names - done), waiting[0])
        waiting.remove(ready)
        placed.append(ready)
    return placed


def find_evidence(studies: Sequence[Study], context: Context) -> list[tuple[list[Finding], StudyTokens]]:
    """Ask every source that fits about each study.

    Parameters
    ----------
    studies : sequence of Study
        Photographs of one batch, or a single study of any kind.
    context : Context

    Returns
    -------
    list of (findings, tokens)
        One for each study.
    """
    sources = find_sources()
    found = []
    # Sources that need no tokens spend their time outside the interpreter's lock, as the encoder does.
    with ThreadPoolExecutor(1) as aside:
        asked = [aside.submit(_ask, _fitting(sources, study, tokens=False), study, None, context) for study in studies]
        for study, tokens, early in zip(studies, encode_for(studies, context), asked, strict=True):
            own = replace(context, findings=tuple(early.result()))
            findings = _ask(_fitting(sources, study, tokens=True), study, tokens, own)
            found.append((findings, tokens))
    return found


def encode_for(studies: Sequence[Study], context: Context) -> list[StudyTokens]:
    """Encode studies of one batch, each source keeping what it needs; members of a cohort were encoded before."""
    known = {} if context.cohort is None else context.cohort.tokens
    new = [study for study in studies if study.key not in known]
    keepers: dict[str, Keep] = {
        source.NAME: partial(cast(TokenSource, source).keep, context=context)
        for source in find_sources()
        if _takes_tokens(source) and any(source.fits(study) for study in new)
    }
    encoded = iter(encode_studies(context.expert, new, keepers) if new else ())
    return [known[study.key] if study.key in known else next(encoded) for study in studies]


def _ask(sources: Sequence[Source], study: Study, tokens: StudyTokens | None, context: Context) -> list[Finding]:
    findings = list(context.findings)
    for source in sources:
        own = replace(context, findings=tuple(findings))
        finding = source.look(study, tokens or StudyTokens(context.expert.encoder.grid, {}), own)
        if finding is not None:
            findings.append(finding)
    return findings


def _fitting(sources: Sequence[Source], study: Study, tokens: bool) -> list[Source]:
    return [source for source in sources if _takes_tokens(source) == tokens and source.fits(study)]


def _takes_tokens(source: Source) -> bool:
    return hasattr(source, "keep")


def _after(source: Source) -> tuple[str, ...]:
    return tuple(getattr(source, "AFTER", ()))
