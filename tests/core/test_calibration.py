"""Probabilities become logits."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.core.calibration import CLIP, exact_logit, logit


def test_what_is_surer_than_the_clip_is_not_told_apart():
    assert logit(0.0) == logit(CLIP) == pytest.approx(-logit(1.0))
    assert logit(0.5) == 0


def test_an_exact_logit_tells_scores_apart_beyond_the_clip_and_is_finite_at_the_ends():
    assert exact_logit(0.99999) == pytest.approx(11.513, abs=1e-3)
    assert np.isfinite(exact_logit([0.0, 1.0])).all()
