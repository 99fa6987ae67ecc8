"""Calibration against normal material: what an uneventful score and map look like, for each kind of input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression

from looktwice.encoders.calibration import NORMAL_LOGIT, STUDY_FALSE_ALARMS, Calibration, logit
from looktwice.encoders.expert import Expert
from looktwice.modalities.study import Modality, Study

# A normal token reaches the threshold so often.
TOKEN_FALSE_ALARMS = 0.005
# A volume or a cloud has so many more tokens that a stricter share still leaves it some.
STUDY_TOKEN_FALSE_ALARMS = 0.0005


def calibrate_maps(logits: npt.NDArray[np.floating], false_alarms: float = TOKEN_FALSE_ALARMS) -> tuple[float, float]:
    """Return (shift, scale) that bring raw token logits of normal material to few false alarms and a low median."""
    shift = float(np.quantile(logits, 1 - false_alarms))
    scale = max((float(np.median(logits)) - shift) / NORMAL_LOGIT, 1e-3)
    return shift, scale


def calibrate_scores(logits: npt.NDArray[np.floating], labels: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Return (shift, scale) that make logits of pictures mean what they say, both classes weighing the same.

    Platt's method: a logistic regression on the one raw logit.
    """
    fit = LogisticRegression(C=1e6, class_weight="balanced").fit(logits[:, None], labels > 0.5)
    slope = max(float(fit.coef_[0, 0]), 1e-3)
    return -float(fit.intercept_[0]) / slope, 1 / slope


@torch.inference_mode()
def calibrate_studies(expert: Expert, studies: Sequence[Study], modality: Modality) -> Calibration:
    """Calibrate the scores and maps of normal studies of many views.

    The score of such a study is that of its worst views, which is higher by construction than a photograph's; it is
    brought back by what normal studies reach.

    Parameters
    ----------
    expert : Expert
        Its calibration of `modality` is not yet set.
    studies : sequence of Study
        Normal ones, at least one.
    modality : Modality
    """
    scores, tokens = [], []
    for study in studies:
        sighting = expert.see(study)
        scores.append(float(logit(sighting.score)))
        tokens.append(logit(sighting.maps).ravel())
    map_shift, map_scale = calibrate_maps(np.concatenate(tokens), STUDY_TOKEN_FALSE_ALARMS)
    return Calibration(
        score_shift=float(np.quantile(scores, 1 - STUDY_FALSE_ALARMS)), map_shift=map_shift, map_scale=map_scale
    )
