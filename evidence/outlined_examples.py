"""Flaws that look like outlined examples, and how likely each of their kinds is."""

from __future__ import annotations

from looktwice.core.finding import Finding
from looktwice.core.study import Study
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import StudyTokens, is_photograph

NAME = "outlined_examples"
TITLE = "Like outlined examples of flaws"


def fits(study: Study) -> bool:
    """Whether the study is a photograph."""
    return is_photograph(study)


def look(study: Study, tokens: StudyTokens, context: Context) -> Finding | None:
    """Search a photograph for what the examples show; None where there are none."""
    return None if context.examples is None else context.examples.find(study.views()[0].image)
