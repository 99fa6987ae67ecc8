from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looktwice.core.result import Result, ViewScore
from looktwice.core.study import Modality, NativeMap, Region
from looktwice.core.wording.place import agree, places_in
from looktwice.reasoning.template import explain


class FixedMap(NativeMap):
    def __init__(self, values, points=None) -> None:
        self.values = values
        if points is not None:
            self.points = points

    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        return []


def make(
    modality=Modality.IMAGE,
    score=0.83,
    threshold=0.5,
    regions=(),
    worst_views=(),
    views=1,
    values=None,
    points=None,
    candidates=(),
):
    if values is None:
        values = np.full((100, 200), 0.06, np.float32)
    return Result(
        study="s", source=Path("s.png"), modality=modality, score=score, threshold=threshold,
        heatmap=FixedMap(values, points), regions=list(regions), worst_views=list(worst_views), views=views, model={},
        version="0", candidates=list(candidates),
    )  # fmt: skip


def spot(x=20.0, y=10.0, score=0.91, area=340.0) -> Region:
    return Region(score, area, "area_px", (x, y), (int(x), int(y), int(x) + 5, int(y) + 5))


LESION = Region(
    score=0.91,
    size=1234.0,
    size_unit="volume_mm3",
    centroid=(40.0, 50.0, 60.0),
    bbox=(35, 45, 55, 45, 55, 65),
    centroid_world_mm=(-34.2, 12.0, 20.4),
    details={
        "diameter_mm": 21.3, "mean_inside": 812.0, "mean_ring": 610.0, "position": "upper left front of the head",
        "laterality": "left",
    },
)  # fmt: skip
SLICE = ViewScore("axial slice 60, z = +20 mm", 60, 0.4, 0.91)


def test_a_defect_in_a_picture():
    answer = explain(make(regions=[spot(), spot(150, 80, 0.6)]))
    assert answer.text == (
        "Anomalous, highly suspicious: the score of 0.83 lies above the threshold of 0.50. "
        "The strongest of 2 regions lies in the top left part of the picture, centred on pixel (20, 10); "
        "it covers 340 px (1.7 % of the picture) and peaks at 0.91 against a median of 0.06 elsewhere."
    )
    assert answer.kind == "template"
    assert answer.fields == {
        "verdict": "anomalous", "suspicion": "highly", "where": "top left", "size": "340 px", "what": None,
        "confidence": 0.66,
    }  # fmt: skip


def test_a_lesion_in_a_volume():
    text = explain(make(Modality.VOLUME, regions=[LESION], worst_views=[SLICE], views=182)).text
    assert text == (
        "Anomalous, highly suspicious: the score of 0.83 lies above the threshold of 0.50. "
        "One region lies in the upper left front of the head, centred on x = −34, y = +12, z = +20 mm, RAS; "
        "it covers 1.23 ml, is 21.3 mm long and peaks at 0.91. "
        "It is brighter than the tissue around it (mean value 812 against 610). "
        "The most suspicious view is axial slice 60, z = +20 mm."
    )


@pytest.mark.parametrize(("inside", "words"), [(500.0, "darker than"), (610.1, "as bright as")])
def test_contrast_is_stated_as_measured(inside, words):
    details = {**LESION.details, "mean_inside": inside}
    region = Region(0.9, 10.0, "volume_mm3", (0, 0, 0), (0, 0, 0, 1, 1, 1), details=details)
    assert words in explain(make(Modality.VOLUME, regions=[region])).text


def test_a_dent_in_a_cloud():
    points = np.array([[0, 0, 0], [10, 20, 30], [np.nan] * 3], np.float32)
    dent = Region(0.7, 1, "points", (9, 10, 3), (8, 9, 2, 10, 11, 4), details={"unit": "mm", "extents": [4.26, 2, 1]})
    values = np.array([0.7, 0.1, 0], np.float32)
    answer = explain(make(Modality.POINTCLOUD, regions=[dent], values=values, points=points, views=9))
    assert answer.fields["where"] == "+x, −z part of the object"
    assert "it covers 1 point (33 % of the points), is 4.26 mm long" in answer.text
    central = Region(0.7, 2, "points", (5, 10, 15), (4, 9, 14, 6, 11, 16))
    text = explain(make(Modality.POINTCLOUD, regions=[central], values=values, points=points)).text
    assert "in the middle of the object" in text
    assert "long" not in text


def test_a_normal_volume_says_what_was_looked_at():
    finding = ViewScore("axial slice 5, z = 0 mm", 5, 0.1, 0.31)
    answer = explain(make(Modality.VOLUME, score=0.12, worst_views=[finding], views=182))
    assert answer.text == (
        "Normal, slightly suspicious: the score of 0.12 lies below the threshold of 0.50. "
        "182 views were looked at and no region reaches the threshold. "
        "The most suspicious view is axial slice 5, z = 0 mm, at 0.31."
    )
    assert answer.fields["where"] is None
    assert answer.fields["size"] is None
    assert "1 view was looked at" in explain(make(Modality.VOLUME, score=0.1, views=1)).text


def test_a_normal_picture_names_its_highest_place():
    values = np.full((90, 90), 0.1, np.float32)
    values[70:, 70:] = 0.4
    text = explain(make(score=0.2, values=values)).text
    assert "The map is highest in the bottom right part of the picture, at 0.40." in text


def test_anomalous_without_a_region_is_not_given_one():
    answer = explain(make(Modality.VOLUME, worst_views=[SLICE], views=3))
    assert "No single region reaches the threshold" in answer.text
    assert answer.fields["where"] is None


def test_a_normal_study_says_that_candidates_do_not_decide():
    text = explain(make(score=0.3, regions=[], candidates=[spot(score=0.62)])).text
    assert "1 place still reaches the threshold, the strongest (0.62, 340 px) in the top left" in text
    assert "does not decide" in text


@pytest.mark.parametrize(
    ("score", "threshold", "stated"),
    [
        (0.4996, 0.5, "0.4996 lies below the threshold of 0.5000"),
        (0.5, 0.5, "0.50 lies at the threshold of 0.50"),
        (0.5 - 1e-9, 0.5, "0.50 lies just below the threshold of 0.50"),
    ],
)
def test_a_score_close_to_the_threshold(score, threshold, stated):
    assert stated in explain(make(score=score, threshold=threshold)).text


@given(
    st.sampled_from((Modality.IMAGE, Modality.VOLUME, Modality.POINTCLOUD)),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 3),
    st.floats(0, 199),
    st.floats(0, 99),
)
def test_the_text_never_contradicts_the_fields(modality, score, threshold, regions, x, y):
    made = {Modality.IMAGE: spot(x, y), Modality.VOLUME: LESION, Modality.POINTCLOUD: spot(x, y, area=3)}[modality]
    result = make(modality, score, threshold, [made] * regions, [SLICE], views=4)
    answer = explain(result)
    fields = answer.fields
    assert json.loads(json.dumps(fields)) == fields
    assert answer.text.lower().startswith(result.verdict)
    assert ("Anomalous" in answer.text) == (fields["verdict"] == "anomalous") == (score >= threshold)
    assert f"{fields['suspicion']} suspicious" in answer.text
    assert 0 <= fields["confidence"] <= 1
    assert (fields["where"] is None) == (fields["size"] is None) == (score < threshold or regions == 0)
    if fields["size"]:
        assert fields["size"] in answer.text
    if modality is Modality.IMAGE and fields["where"]:
        assert any(agree(place, fields["where"]) for place in places_in(answer.text))
    assert not re.search(r"\b1 (regions|views|points)\b|  |\.\.|None|nan", answer.text)


def test_confidence_grows_with_the_distance_to_the_threshold():
    scores = (0.0, 0.25, 0.5, 0.75, 1.0)
    assert [explain(make(score=s)).fields["confidence"] for s in scores] == [1, 0.5, 0, 0.5, 1]
    assert explain(make(score=1.0, threshold=1.0)).fields["confidence"] == 1
    assert explain(make(score=0.0, threshold=0.0)).fields["confidence"] == 0
