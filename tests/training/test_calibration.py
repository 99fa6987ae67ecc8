"""Normal material comes to a low median and to few false alarms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.encoders.calibration import Calibration
from looktwice.modalities.study import Modality, NativeMap, Study, View
from looktwice.training.calibration import STUDY_FALSE_ALARMS, TOKEN_FALSE_ALARMS, calibrate_maps, calibrate_studies


def probability(logits: np.ndarray | float) -> np.ndarray | float:
    return 1 / (1 + np.exp(-logits))


@given(centre=st.floats(-20, 20), spread=st.floats(0.1, 10), seed=st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_the_median_comes_to_a_twentieth_and_the_upper_quantile_to_a_half(centre, spread, seed):
    logits = np.random.default_rng(seed).normal(centre, spread, 4000)
    shift, scale = calibrate_maps(logits)
    calibrated = probability((logits - shift) / scale)
    assert np.median(calibrated) == pytest.approx(0.05, abs=0.005)
    assert np.quantile(calibrated, 1 - TOKEN_FALSE_ALARMS) == pytest.approx(0.5, abs=0.02)
    assert (calibrated > 0.5).mean() <= TOKEN_FALSE_ALARMS + 1 / len(logits)


def test_maps_of_one_value_do_not_divide_by_nothing():
    shift, scale = calibrate_maps(np.full(100, 2.0))
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
    sightings = [expert.see(study) for study in studies]
    alarms = sum(sighting.score > 0.5 for sighting in sightings)
    assert alarms == round(STUDY_FALSE_ALARMS * 20)
    tokens = np.concatenate([sighting.maps.ravel() for sighting in sightings])
    assert np.median(tokens) == pytest.approx(0.05, abs=0.005)
    assert (tokens > 0.5).mean() <= TOKEN_FALSE_ALARMS + 1 / len(tokens)
