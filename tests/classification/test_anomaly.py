from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.classification.anomaly import Contours, Detection, SuspectView
from looktwice.core.errors import InputError
from looktwice.core.finding import Finding
from looktwice.reasoning.base import StudyContext

from ..made_studies import PictureStudy

IMAGE = np.full((64, 64, 3), 120, np.uint8)


def detection(heat, score=0.9, pictures=1, medical=False, **options) -> Detection:
    study = PictureStudy([IMAGE] * pictures, "image" if pictures == 1 else "volume", name="plate.png")
    study.medical = medical
    views = (SuspectView(IMAGE, np.asarray(heat, np.float32), reference=IMAGE),)
    return Detection(study, score, 0.5, 0.5, views, **options)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1), st.lists(st.floats(0, 1, width=32), min_size=64, max_size=64))
def test_there_is_an_anomaly_from_the_threshold_on_and_it_has_a_region(score, values):
    found = detection(np.reshape(values, (8, 8)), score)
    anomaly = found.anomaly()
    assert (anomaly is not None) == found.is_anomalous == (score >= 0.5)
    known = found.anomaly(certain=True)
    assert known.contours is Contours.PREDICTED
    assert known.views[0].mask.any()
    if anomaly is not None:
        assert (anomaly.views[0].mask == known.views[0].mask).all()


def test_an_outline_takes_the_place_of_the_map_whatever_the_score(parts):
    found = detection(np.zeros((8, 8)), score=0.1, likely={"pit": -0.1}, facts={"area_px": 3})
    anomaly = found.anomaly(parts.disc())
    assert anomaly.contours is Contours.ORACLE
    assert (anomaly.views[0].mask == parts.disc()).all()
    assert anomaly.views[0].reference is IMAGE
    # What the whole picture looks like is not said of an outline that someone else drew.
    assert anomaly.likely == {}
    assert anomaly.facts == {"area_px": 3}


def test_outlines_must_fit_and_are_for_photographs(parts):
    for truth in (np.zeros((64, 64), bool), np.ones((3, 3), bool)):
        with pytest.raises(InputError, match="the mask is empty or differs in size"):
            detection(np.zeros((8, 8))).anomaly(truth)
    with pytest.raises(InputError, match="ground-truth masks are supported for photographs only"):
        detection(np.zeros((8, 8)), pictures=3).anomaly(parts.disc())


def test_what_its_study_calls_medical_is():
    assert detection(np.eye(8), medical=True).anomaly().medical
    assert not detection(np.eye(8)).anomaly().medical


def test_an_examined_study_is_taken_over_with_its_views_and_its_worst_region():
    region = {"score": 0.9, "peak": 0.95, "volume_mm3": 812.0, "laterality": "right", "bbox": [0, 1]}
    study = PictureStudy([IMAGE] * 3, name="scan.nii")
    result = SimpleNamespace(
        score=0.7, threshold=0.6, regions=[SimpleNamespace(to_json=lambda: region)], notes=["no spacing"],
        heatmap=SimpleNamespace(overlapping_views=True), seconds={"total": 1.5}, doubt="", covered=True,
        worst_views=[SimpleNamespace(index=2), SimpleNamespace(index=0), SimpleNamespace(index=1)],
    )  # fmt: skip
    findings = (Finding("self_reference", 0.8, kinds={"pit": -0.1}),)
    context = StudyContext(study, None, np.zeros((3, 8, 8), np.float32), result, findings)
    found = Detection.of(context, 0.4, lambda study, index: np.full((4, 4, 3), 10 * index + 3, np.uint8))
    assert [view.name for view in found.views] == ["slice 2", "slice 0"]
    assert [int(view.reference[0, 0, 0]) for view in found.views] == [23, 3]
    assert (found.score, found.threshold, found.map_threshold, found.seconds) == (0.7, 0.6, 0.4, 1.5)
    # Places and scores say nothing about the kind.
    assert found.facts == {"volume_mm3": 812.0, "laterality": "right"}
    assert found.notes == ["no spacing"]
    assert found.likely == {"pit": -0.1}
