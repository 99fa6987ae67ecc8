"""A head's asymmetry across the mid-sagittal plane, calibrated to stand beside the other evidence."""

# kinds: a source of evidence for heads

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from looktwice.core.calibration import Calibration, logit
from looktwice.core.finding import Finding, Join, ViewHeat
from looktwice.core.rates import RATES
from looktwice.core.study import FloatArray, Study
from looktwice.core.usual import Usual
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import StudyTokens
from looktwice.evidence.settings import DEFAULTS, AsymmetrySettings

NAME = "asymmetry"
TITLE = "Unlike the mirrored other side"
# Fewer heads do not say how much they differ.
LEAST_HEADS = 3
# Where tissue is judged, its map is the finer one, and asymmetry raises the score only.
AFTER = ("tissue",)


def fits(study: Study) -> bool:
    """Whether the study is a head."""
    from looktwice.modalities.volumes.study import VolumeStudy

    return isinstance(study, VolumeStudy) and study.anatomy.part == "head"


def look(study: Study, tokens: StudyTokens, context: Context) -> Finding | None:
    """Measure a head's asymmetry in its views; None where its midline is in doubt."""
    from looktwice.modalities.volumes.asymmetry import asymmetry_across, coarse_head
    from looktwice.modalities.volumes.midline import find_midline
    from looktwice.modalities.volumes.study import VolumeStudy

    assert isinstance(study, VolumeStudy)
    calibration = context.calibration(NAME)
    if calibration is None:
        return None
    head = coarse_head(study)
    plane, reason = find_midline(study, head)
    if plane is None:
        study.notes.append(f"sides not compared: {reason}")
        return None
    maps = asymmetry_across(study, head, plane, tokens.grid)
    replaced = any(one.join is Join.REPLACE for one in context.findings)
    return Finding(
        NAME, calibration.logit(worst(maps, context.config.settings.asymmetry)), None if replaced else ViewHeat(maps)
    )


def calibrate(normals: Sequence[Study], context: Context) -> Calibration | None:
    """Calibrate by normal studies; None where no head is among them."""
    heads = [measure_asymmetry(study, context.expert.encoder.grid) for study in normals if fits(study)]
    return calibrate_by(heads, context.config.settings.asymmetry) if heads else None


def measure_asymmetry(study: Study, grid: tuple[int, int]) -> FloatArray:
    """Asymmetry maps (V, h, w) of a head's views."""
    from looktwice.modalities.volumes.asymmetry import midsagittal_asymmetry
    from looktwice.modalities.volumes.study import VolumeStudy

    assert isinstance(study, VolumeStudy)
    return midsagittal_asymmetry(study, grid)


def calibrate_by(heads: list[FloatArray], settings: AsymmetrySettings = DEFAULTS.asymmetry) -> Calibration:
    """Calibrate the score by the asymmetry maps (V, h, w) of normal heads; the maps are calibrated by themselves.

    Heads at hand are few: the threshold is the upper end of a prediction interval for the next one.
    """
    reached = [worst(maps, settings) for maps in heads]
    few = len(reached) < LEAST_HEADS
    shift = max(reached) if few else Usual.of(reached, false_alarms=RATES.asymmetric_heads).limit
    return Calibration(score_shift=shift, score_scale=settings.score_step)


def worst(maps: FloatArray, settings: AsymmetrySettings = DEFAULTS.asymmetry) -> float:
    """Return the logit that the most asymmetric places of a head reach, by its maps (V, h, w)."""
    return float(logit(np.quantile(maps, 1 - settings.worst_share)))
