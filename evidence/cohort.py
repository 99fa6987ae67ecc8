"""Comparison of inputs of one kind, most of them normal, with each other (mutual scoring)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from looktwice.core.finding import Finding
from looktwice.core.study import Study
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import EncodedViews, StudyTokens

NAME = "cohort"
TITLE = "Unlike the other studies of the cohort"


def fits(study: Study) -> bool:
    """Whether this source can say something about a study: wherever it is a member of a cohort."""
    return True


def keep(views: EncodedViews, context: Context) -> Sequence[Any]:
    """Return what the comparison needs of each view."""
    return [None] * len(views.crop_counts) if context.cohort is None else context.cohort.keep(views)


def look(study: Study, tokens: StudyTokens, context: Context) -> Finding | None:
    """Compare a member of the cohort with the others; what was kept of its tokens has been compared already."""
    if context.cohort is None:
        return None
    return context.calibrated(context.cohort.compare(study, tokens))
