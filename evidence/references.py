"""Comparison with a few normal inputs of the same kind (few-shot)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from looktwice.core.finding import Finding
from looktwice.core.study import Study
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import EncodedViews, StudyTokens

NAME = "references"
TITLE = "Unlike the normal references"


def fits(study: Study) -> bool:
    """Whether this source can say something about a study: wherever references of its kind are given."""
    return True


def keep(views: EncodedViews, context: Context) -> Sequence[Any]:
    """Return what the comparison needs of each view."""
    return [None] * len(views.crop_counts) if context.references is None else context.references.keep(views)


def look(study: Study, tokens: StudyTokens, context: Context) -> Finding | None:
    """Compare a study with the references."""
    if context.references is None:
        return None
    return context.calibrated(context.references.compare(study, tokens))
