"""A cloud's geometric evidence, calibrated to stand beside what its views show."""

from __future__ import annotations

import numpy as np

from looktwice.encoders.calibration import NORMAL_LOGIT, STUDY_FALSE_ALARMS, Calibration
from looktwice.modalities.study import Modality, Study
from looktwice.sources.base import FloatArray, Found

# An object is suspicious when its rarest part is much rarer than what is already rare on it.
RAREST, RARE = 0.995, 0.9
# The score's logit grows by one when the contrast grows by so much (a natural logarithm).
CONTRAST_STEP = 0.15


class Geometry:
    """How rare the shape around each point of a cloud is on the object itself.

    Shaded views show geometry, which is measured better on the points: where a cloud has no colour, geometry decides
    alone; where it has, whichever source is more alarmed.
    """

    name = "geometry"
    modality = Modality.POINTCLOUD

    def fits(self, study: Study) -> bool:
        """Whether the study is a cloud."""
        return study.modality is Modality.POINTCLOUD

    def look(self, study: Study, grid: tuple[int, int], calibration: Calibration) -> Found:
        """Measure the cloud's points."""
        from looktwice.modalities.pointclouds.geometry_evidence import geometry_evidence
        from looktwice.modalities.pointclouds.study import CloudStudy

        assert isinstance(study, CloudStudy)
        values, score = score_geometry(geometry_evidence(study), calibration)
        return Found(score=score, values=values, alone=study.cloud.colours is None)


def score_geometry(rarity: FloatArray, calibration: Calibration) -> tuple[FloatArray, float]:
    """Return probabilities (P,), 0 for points that were not inspected, and the object's score in [0, 1]."""
    values = np.where(rarity > 0, calibration.probabilities(rarity), 0).astype(np.float32)
    return values, calibration.score(contrast(rarity))


def contrast(rarity: FloatArray) -> float:
    """Logarithm of how much rarer the rarest part of an object is than what is already rare on it."""
    inspected = rarity[rarity > 0]
    if not len(inspected):
        return 0.0
    rarest, rare = np.quantile(inspected, (RAREST, RARE))
    return float(np.log(rarest / rare))


def calibrate_geometry(rarities: list[FloatArray]) -> Calibration:
    """Calibrate by sound objects, given the rarity of each point of each of them."""
    inspected = [rarity[rarity > 0] for rarity in rarities]
    shift = float(np.median([np.quantile(rarity, RAREST) for rarity in inspected]))
    median = float(np.median([np.median(rarity) for rarity in inspected]))
    return Calibration(
        score_shift=float(np.quantile([contrast(rarity) for rarity in rarities], 1 - STUDY_FALSE_ALARMS)),
        score_scale=CONTRAST_STEP,
        map_shift=shift,
        map_scale=(median - shift) / NORMAL_LOGIT,
    )
