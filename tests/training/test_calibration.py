"""Normal material comes to a low median and to few false alarms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.core.calibration import Calibration
from looktwice.core.rates import RATES
from looktwice.core.study import Modality, NativeMap, Study, View
from looktwice.evidence import self_reference
from looktwice.evidence.base import Context
from looktwice.evidence.sources import encode_for
from looktwice.training.calibration import (
    calibrate_maps,
    calibrate_studies,
)

# Share of normal tokens that may reach a half.
TOKENS = 0.005


def probability(logits: np.ndarray | float) -> np.ndarray | float:
    return 1 / (1 + np.exp(-logits))


@given(centre=st.floats(-20, 20), spread=st.floats(0.1, 10), seed=st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_the_median_comes_to_a_twentieth_and_the_upper_quantile_to_a_half(centre, spread, seed):
    logits = np.random.default_rng(seed).normal(centre, spread, 4000)
    shift, scale = calibrate_maps(logits, TOKENS)
    calibrated = probability((logits - shift) / scale)
    assert np.median(calibrated) == pytest.approx(0.05, abs=0.005)
    assert np.quantile(calibrated, 1 - TOKENS) == pytest.approx(0.5, abs=0.02)
    assert (calibrated > 0.5).mean() <= TOKENS + 1 / len(logits)


def test_maps_of_one_value_do_not_divide_by_nothing():
    shift, scale = calibrate_maps(np.full(100, 2.0), TOKENS)
    assert shift == 2
    assert scale > 0


class Slices(Study):
    modality, name, source = Modality.VOLUME, "made", Path("made.nii.gz")

    def __init__(self, seed: int) -> None:
        self.notes = []
        self.images = np.random.default_rng(seed).integers(0, 256, (3, 64, 64, 3), np.uint8)

    def views(self) -> list[View]:
        return [View(image, f"slice {index}", index) for index, image in enumerate(self.images)]

    def lift(self, maps: np.ndarray) -> NativeMap:
        raise NotImplementedError


def test_few_normal_studies_reach_the_threshold_once_calibrated(make_expert):
    expert, studies = make_expert(), [Slices(seed) for seed in range(20)]
    calibration = calibrate_studies(expert, studies, Modality.VOLUME)
    assert calibration != Calibration()
    expert.config = replace(expert.config, calibration={"volume": calibration})
    context = Context(expert)
    found = [self_reference.look(study, *encode_for([study], context), context) for study in studies]
    alarms = sum(finding.score > 0.5 for finding in found)
    assert alarms == round(RATES.studies * 20)
    tokens = np.concatenate([finding.heat.maps.ravel() for finding in found])
    assert np.median(tokens) == pytest.approx(0.05, abs=0.005)
    assert (tokens > 0.5).mean() <= TOKENS + 1 / len(tokens)
