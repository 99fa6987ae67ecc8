from __future__ import annotations

import pytest

from looktwice.reasoning.grounding.contradictions import contradictions, stated_verdicts
from looktwice.reasoning.grounding.facts import Facts

ANOMALOUS = Facts("anomalous", False, 0.9, 0.5, "highly", where="top left", size="1.2 % of the picture", regions=1)
NORMAL = Facts("normal", False, 0.1, 0.5, "slightly")
SLICES = Facts(
    "anomalous", False, 0.9, 0.5, "highly", where="left", view="axial slice 92", views=("axial slice 92",), regions=1
)

SPREAD = Facts("anomalous", False, 0.9, 0.5, "highly")
KIND = Facts("anomalous", False, 0.9, 0.5, "highly", where="left", what="scratch", extent="small")
VIEW = "view 3 from the upper right"
CLOUD = Facts("anomalous", False, 0.9, 0.5, "highly", where="left", view=VIEW, views=(VIEW,))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Yes.", "anomalous"),
        ("Yes, there is a defect in the top left.", "anomalous"),
        ("The tile is defective.", "anomalous"),
        ("The picture shows a dark, elongated crack.", "anomalous"),
        ("An anomaly lies in the center.", "anomalous"),
        ("No.", "normal"),
        ("No, the object looks fine.", "normal"),
        ("There are no visible defects in the image.", "normal"),
        ("There is no sign of any abnormality.", "normal"),
        ("The scan does not show any focal lesion.", "normal"),
        ("The part appears normal and intact.", "normal"),
        ("The surface is not damaged.", "normal"),
        ("Nothing further; keep to the usual checks.", "normal"),
        ("Nowhere: nothing stands out.", "normal"),
        ("There is nothing in this picture to follow up; a radiologist decides.", "normal"),
    ],
)
def test_common_answers_state_a_verdict(text, verdict):
    assert stated_verdicts(text) == {verdict}


@pytest.mark.parametrize(
    "text",
    [
        "The picture shows a metal plate.",
        "Check whether there is a defect on the other side.",
        "If a crack is found, replace the part.",
        "Nothing stands out clearly enough to say more.",
    ],
)
def test_other_texts_state_none(text):
    assert stated_verdicts(text) == set()


def test_the_rest_of_a_thing_may_be_normal():
    text = "Yes, there is a scratch in the top left. The rest of the surface is normal."
    assert contradictions(text, ANOMALOUS) == []


@pytest.mark.parametrize(
    ("text", "facts", "against"),
    [
        ("No, there are no defects.", ANOMALOUS, ["verdict"]),
        ("Yes, a crack is visible.", NORMAL, ["verdict"]),
        ("It lies in the right part of the picture.", NORMAL, ["verdict"]),
        ("Yes, there is a stain in the bottom right corner.", ANOMALOUS, ["where"]),
        ("Yes, there is a stain on the left side.", ANOMALOUS, []),
        ("Yes, there is a stain covering 40 % of the picture.", ANOMALOUS, ["size"]),
        ("Yes, there is a stain covering 1.2 % of the picture.", ANOMALOUS, []),
        ("A lesion is seen on slice 12.", SLICES, ["view"]),
        ("A lesion is seen on axial slice 92.", SLICES, []),
        ("There is a lesion in the right hemisphere.", SLICES, []),
        ("Yes, there is a stain in the top left.", SPREAD, ["where"]),
        ("Yes, there is a stain, but no single place of the picture stands out.", SPREAD, []),
        ("It is spread over the picture; no single place stands out.", SPREAD, []),
        ("Yes, there is a dent in the left of view 3 from the upper right.", CLOUD, []),
        ("Yes, it is most likely a scratch.", KIND, []),
        ("Yes, it is most likely a stain.", KIND, ["what"]),
        ("Yes, it looks like a person.", KIND, ["what"]),
        ('Yes, it is a kind known as "spread".', KIND, ["what"]),
        ("Yes, there is a defect, but no single place of the picture stands out.", KIND, ["where"]),
        ("It lies on the left, but no place of the picture stands out clearly.", KIND, ["where"]),
        ("Yes, it looks like a small, round mark.", KIND, []),
        ("Yes, it looks like a large, round mark.", KIND, ["extent"]),
        ("Yes, there is a large stain.", ANOMALOUS, []),
        ("No. The score of 0.10 lies below the threshold of 0.50.", NORMAL, []),
        ("No. The score of 0.20 lies below the threshold of 0.50.", NORMAL, ["score"]),
    ],
)
def test_contradictions_name_the_field(text, facts, against):
    assert contradictions(text, facts) == against


@pytest.mark.parametrize("text", ["It is most likely a unclear mark.", "By its looks it is most likely unclear."])
def test_unclear_is_no_kind_to_name(text):
    stated = Facts("anomalous", False, 0.8, 0.5, "highly", where="left", what="unclear")
    assert contradictions(text, stated) == ["what"]
    assert contradictions("What kind it is cannot be told from the picture.", stated) == []


def test_severity_follows_the_extent_and_no_extent_is_made_up():
    measured = Facts(
        "anomalous", False, 0.8, 0.5, "highly", size="0.05 % of the picture", extent="tiny", what="unclear"
    )
    assert contradictions("It is severe, by its extent of 0.05 % of the picture.", measured) == ["extent"]
    assert contradictions("Its extent of 0.05 % of the picture makes it slight.", measured) == []
    unmeasured = Facts("anomalous", False, 0.8, 0.5, "highly", what="unclear")
    assert "size" in contradictions("Its extent of 0.44 makes it slight.", unmeasured)


def test_either_verdict_stands_where_the_evidence_is_unsure():
    unsure = Facts("anomalous", True, 0.51, 0.5, "moderately", where="left")
    assert contradictions("No, there are no defects.", unsure) == []
