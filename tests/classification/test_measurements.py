from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.classification.measurements import NAMES, measure_region


def measured(image, mask):
    return dict(zip(NAMES, measure_region(image, mask), strict=True))


def test_tone_shape_and_place_are_measured(parts):
    dark, bright = (measured(parts.plate(1, tone), parts.disc()) for tone in (10, 240))
    assert dark["contrast"] < -2 < 2 < bright["contrast"]
    assert dark["compactness"] > 0.8
    assert dark["border_contact"] == 0
    bar = np.zeros((64, 64), bool)
    bar[2:60, 30:34] = True
    standing, lying = measured(parts.plate(1), bar), measured(parts.plate(1), bar.T)
    assert standing["log_elongation"] > 3
    assert standing["upright"] > 0.8
    assert lying["upright"] < -0.8
    corner = np.zeros((64, 64), bool)
    corner[:8, :8] = True
    assert measured(parts.plate(1), corner)["border_contact"] == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 63), st.integers(0, 63), st.integers(1, 64), st.integers(1, 64))
def test_any_region_has_finite_measurements(parts, top, left, height, width):
    mask = np.zeros((64, 64), bool)
    mask[top : top + height, left : left + width] = True
    assert np.isfinite(measure_region(parts.plate(2), mask)).all()


def test_an_empty_region_is_refused(parts):
    with pytest.raises(ValueError, match="0 pixels"):
        measure_region(parts.plate(1), np.zeros((64, 64), bool))
