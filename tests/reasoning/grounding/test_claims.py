from __future__ import annotations

from dataclasses import replace

import pytest

from looktwice.reasoning.grounding.claims import claims_of, topics_of
from looktwice.reasoning.grounding.contradictions import contradictions, stated_verdicts
from looktwice.reasoning.grounding.facts import Facts

FOUND = Facts(
    "anomalous",
    False,
    0.72,
    0.5,
    "highly",
    where="top left",
    size="1.2 % of the picture",
    extent="medium-sized",
    contrast="darker",
    what="scratch",
)
SPREAD = replace(FOUND, where=None, size=None, extent=None, contrast=None, what="unclear")
UNSURE = replace(FOUND, unsure=True, score=0.504)
NORMAL = Facts("normal", False, 0.2, 0.5, "slightly")
VIEW = "view 3 from the upper right"


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("Yes, an anomaly is visible at the top left of the picture.", {"verdict", "where"}),
        ("It is most likely a unclear mark.", {"what", "looks"}),
        ("It is a scratch.", {"what"}),
        ("It looks like a small, compact mark that is brighter than what is around it.", {"looks", "extent"}),
        ("It covers 37.8 ml, which is large.", {"extent"}),
        ("It is severe; a person has to judge what it means.", {"severity", "extent"}),
        ("A radiologist should look at the place, and decide on further imaging.", {"next"}),
        ("Measure how deep the groove is.", {"looks"}),
        ("The score of 0.45 lies below the threshold of 0.50.", {"score"}),
        ("It is a person's work.", set()),
        ("Where is it, and what kind of anomaly is it?", {"where", "what"}),
        ("How severe is it, and what should be checked next?", {"severity", "extent", "next"}),
        ("Is there any defect?", {"verdict"}),
    ],
)
def test_a_sentence_is_known_by_what_it_speaks_of(text, topics):
    assert topics_of(text) == topics


def test_the_name_of_a_view_is_no_place():
    assert topics_of(f"Look again at {VIEW}.", [VIEW]) == {"next"}


@pytest.mark.parametrize("facts", [FOUND, SPREAD, UNSURE, NORMAL, replace(FOUND, view=VIEW, views=(VIEW,))])
def test_no_claim_contradicts_the_evidence(facts):
    for sentence in claims_of(facts).values():
        assert contradictions(sentence, facts) == []
        assert not (facts.unsure and stated_verdicts(sentence))


def test_claims_say_what_was_measured():
    claims = claims_of(FOUND)
    assert claims["verdict"] == "Yes, there is an anomaly in the top left part of the picture."
    assert claims["what"] == "By its looks it is most likely a scratch."
    assert claims["looks"] == "It is darker than what is around it."
    assert claims["extent"] == "It covers 1.2 % of the picture, which is medium-sized."
    assert claims["severity"].startswith("By its extent it is moderate;")
    assert claims["score"] == "The score of 0.72 lies above the threshold of 0.50."


def test_the_extent_of_what_has_no_place_is_that_of_its_strongest_region():
    assert claims_of(replace(FOUND, where=None))["extent"].startswith("The strongest region covers 1.2 %")


def test_what_was_not_measured_is_not_claimed():
    claims = claims_of(SPREAD)
    assert "no single place" in claims["verdict"]
    assert claims["what"] == "What kind it is cannot be told by its looks."
    assert "not measured" in claims["extent"]
    assert "looks" not in claims
    assert "slight" not in claims["severity"]


def test_an_unsure_study_has_no_flat_verdict_and_a_person_looks():
    claims = claims_of(UNSURE)
    assert claims["verdict"].startswith("Probably yes, but I am not sure")
    assert claims["where"] == "If there is an anomaly, it lies in the top left part of the picture."
    assert claims["next"] == "A person should look before anything is decided."
    assert "close to" in claims["score"]
