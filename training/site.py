"""Recalibration for a site: its own normal inputs set the false-alarm rate."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np

from looktwice.core.calibration import Calibration, exact_logit
from looktwice.core.errors import InputError
from looktwice.core.usual import Usual
from looktwice.evidence.config import ExpertConfig

# Fewer normal inputs say nothing of how much they differ.
LEAST = 5


def site_config(
    config: ExpertConfig, scores: Iterable[float], names: Collection[str], false_alarms: float
) -> ExpertConfig:
    """Shift the scores of one kind of input so that the threshold means a chosen false-alarm rate.

    Maps, the order of scores and the threshold itself stay as they are. Where the normal inputs are many enough, their
    own ranks say what so small a share exceeds (conformal); where they are few, the distribution that they suggest.

    Parameters
    ----------
    config : ExpertConfig
    scores : iterable of float
        What `config` gives the site's normal inputs, in [0, 1].
    names : collection of str
        The calibrations that bear on these inputs: their kind and the sources that judged them, or the comparison.
    false_alarms : float
        Share of normal inputs that may reach the threshold.

    Raises
    ------
    InputError
        Fewer than five scores.
    """
    logits = np.sort(exact_logit(np.fromiter(scores, float)))
    if len(logits) < LEAST:
        raise InputError(f"{len(logits)} normal inputs are too few to calibrate on; give at least {LEAST}")
    # The smallest score that leaves no more than the share above it, the input itself being one of n + 1.
    rank = int(np.ceil((len(logits) + 1) * (1 - false_alarms))) - 1
    limit = logits[rank] if rank < len(logits) else Usual.of(logits, false_alarms=false_alarms).limit
    excess = float(limit - exact_logit(config.threshold))
    shifted = {name: _shift(config.calibration.get(name, Calibration()), excess) for name in names}
    return replace(
        config,
        calibration=config.calibration | shifted,
        calibrated_on_site=tuple(sorted({*config.calibrated_on_site, *names})),
        revision=f"{config.revision}+site",
    )


def _shift(calibration: Calibration, excess: float) -> Calibration:
    """Lower every score's logit by `excess`."""
    return replace(calibration, score_shift=calibration.score_shift + excess * calibration.score_scale)
