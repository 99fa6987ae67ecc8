"""Calibration on normal inputs: the scores and maps that they reach, for each kind of input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from looktwice.core.calibration import NORMAL_LOGIT, Calibration
from looktwice.core.rates import RATES
from looktwice.core.study import Modality, Study
from looktwice.evidence import self_reference
from looktwice.evidence.base import Context
from looktwice.evidence.expert import Expert
from looktwice.evidence.sources import encode_for


def calibrate_maps(logits: npt.NDArray[np.floating], false_alarms: float) -> tuple[float, float]:
    """Return (shift, scale) that bring raw token logits of normal material to few false alarms and a low median."""
    shift = float(np.quantile(logits, 1 - false_alarms))
    scale = max((float(np.median(logits)) - shift) / NORMAL_LOGIT, 1e-3)
    return shift, scale


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
    scores, tokens, context = [], [], Context(expert)
    for study in studies:
        [kept] = encode_for([study], context)
        scores.append(self_reference.look(study, kept, context).logit)
        tokens += [raw.float().numpy().ravel() for raw, _ in kept.kept[self_reference.NAME]]
    map_shift, map_scale = calibrate_maps(np.concatenate(tokens), RATES.study_tokens)
    return Calibration(
        score_shift=float(np.quantile(scores, 1 - RATES.studies)), map_shift=map_shift, map_scale=map_scale
    )
