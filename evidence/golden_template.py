"""Drawings of two tones compared pixel by pixel with a reference that shows the same drawing."""

from __future__ import annotations

import numpy as np

from looktwice.core.calibration import exact_logit
from looktwice.core.finding import Finding, Join, ViewHeat
from looktwice.core.study import Study
from looktwice.evidence.base import Context
from looktwice.evidence.comparisons.comparisons import Comparisons
from looktwice.evidence.encoding import StudyTokens, is_photograph

NAME = "golden_template"
TITLE = "Differs from the same drawing without flaws"


def fits(study: Study) -> bool:
    """Whether the study is a photograph."""
    return is_photograph(study)


def look(study: Study, tokens: StudyTokens, context: Context) -> Finding | None:
    """Compare a drawing with the reference that shows the same; None where none does."""
    templates = context.references.templates if isinstance(context.references, Comparisons) else None
    if templates is None:
        return None
    image = study.views()[0].image
    same = templates.find(image)
    if same is None:
        return None
    heat, expected = templates.compare(image, same), templates.images[same]
    # Where the very same drawing is known, nothing else is needed.
    return Finding(
        NAME,
        float(exact_logit(float(heat.max()))),
        ViewHeat(np.asarray(heat, np.float32)[None]),
        Join.REPLACE,
        replaces=("ltfm", "references", "outlined_examples"),
        reference=expected,
        expected=expected,
    )
