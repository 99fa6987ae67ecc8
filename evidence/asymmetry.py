"""A head's asymmetry across the mid-sagittal plane, calibrated to stand beside the other evidence."""

from __future__ import annotations

import numpy as np

from looktwice.core.calibration import STUDY_FALSE_ALARMS, Calibration, logit
from looktwice.core.study import Modality, Study
from looktwice.evidence.base import FloatArray, Found

# A finding fills a small part of a head: the score is that of its most asymmetric thousandth.
WORST_SHARE = 0.001
# The score's logit grows by one when the worst thousandth's does by so much.
STEP = 0.5


class Asymmetry:
    """Left-right asymmetry of heads."""

    name = "asymmetry"
    modality = Modality.VOLUME

    def fits(self, study: Study) -> bool:
        """Whether the study is a head."""
        from looktwice.modalities.volumes.study import VolumeStudy

        return study.modality is Modality.VOLUME and isinstance(study, VolumeStudy) and study.anatomy.part == "head"

    def look(self, study: Study, grid: tuple[int, int], calibration: Calibration) -> Found | None:
        """Measure a head's asymmetry in its views; None where its midline is in doubt."""
        from looktwice.modalities.volumes.asymmetry import asymmetry_across, coarse_head
        from looktwice.modalities.volumes.midline import find_midline
        from looktwice.modalities.volumes.study import VolumeStudy

        assert isinstance(study, VolumeStudy)
        head = coarse_head(study)
        plane, reason = find_midline(study, head)
        if plane is None:
            study.notes.append(f"sides not compared: {reason}")
            return None
        maps = asymmetry_across(study, head, plane, grid)
        return Found(score=score_asymmetry(maps, calibration), maps=maps)


def measure_asymmetry(study: Study, grid: tuple[int, int]) -> FloatArray:
    """Asymmetry maps (V, h, w) of a head's views."""
    from looktwice.modalities.volumes.asymmetry import midsagittal_asymmetry
    from looktwice.modalities.volumes.study import VolumeStudy

    assert isinstance(study, VolumeStudy)
    return midsagittal_asymmetry(study, grid)


def calibrate_asymmetry(heads: list[FloatArray]) -> Calibration:
    """Calibrate the score by the asymmetry maps (V, h, w) of normal heads; the maps are calibrated by themselves."""
    shift = float(np.quantile([_worst(maps) for maps in heads], 1 - STUDY_FALSE_ALARMS))
    return Calibration(score_shift=shift, score_scale=STEP)


def score_asymmetry(maps: FloatArray, calibration: Calibration) -> float:
    """Score in [0, 1] of a head with asymmetry maps (V, h, w)."""
    return calibration.score(_worst(maps))


def _worst(maps: FloatArray) -> float:
    return float(logit(np.quantile(maps, 1 - WORST_SHARE), margin=1e-3))
