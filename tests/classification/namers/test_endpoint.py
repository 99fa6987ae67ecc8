from __future__ import annotations

import pytest

from looktwice.classification.namers import open_namer
from looktwice.classification.namers.endpoint import EndpointNamer, answer_format, read_answer
from looktwice.classification.taxonomy import UNKNOWN
from looktwice.core.errors import LookTwiceError, UsageError
from looktwice.reasoning.remote.endpoint import Endpoint

from ...made_plates import answer


def test_a_server_is_held_to_the_names_and_its_tokens_are_counted(server, taxonomy, parts):
    server.replies = [answer("Bright Blob")]
    naming = EndpointNamer(Endpoint("m", server.url), taxonomy).identify(parts.anomaly(240))
    assert (naming.key, naming.confidence, naming.why) == ("blob", 0.9, "dark")
    assert naming.tokens == {"prompt": 900, "answer": 30}
    (request,) = server.requests
    assert request["temperature"] == 0
    schema = request["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["class"]["enum"] == ["pit", "bright blob", UNKNOWN]
    content = request["messages"][1]["content"]
    assert [part["type"] for part in content].count("image_url") == 2  # no reference was given
    text = content[-1]["text"]
    for said in ("An even grey plate.", "Look at the tone first.", "- bright blob: A bright blob.", "brighter than"):
        assert said in text


def test_schema_is_strict(taxonomy):
    form = answer_format(taxonomy)["json_schema"]
    assert form["strict"]
    assert form["schema"]["additionalProperties"] is False
    assert set(form["schema"]["required"]) == set(form["schema"]["properties"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("It is a pit.", "does not have the requested format"),
        (answer("dent"), "'dent', which is not a class"),
        ("[]", "does not have the requested format"),
        ('{"reason": "x"}', "does not have the requested format"),
    ],
)
def test_other_answers_are_unknown_and_free_text_is_not_searched(text, problem, taxonomy):
    naming = read_answer(text, taxonomy, {})
    assert naming.is_unknown
    assert problem in naming.problem


def test_unknown_is_an_answer_and_odd_confidences_are_not_taken(taxonomy):
    assert read_answer(answer(UNKNOWN), taxonomy, {}).problem is None
    assert read_answer(answer("pit", 7), taxonomy, {}).confidence == 1.0
    assert read_answer(answer("pit", "high"), taxonomy, {}).confidence is None


def test_medical_anomalies_stay_on_this_machine(taxonomy, parts):
    namer = EndpointNamer(Endpoint("m", "https://example.org/v1"), taxonomy)
    with pytest.raises(UsageError, match=r"medical data is not sent to example\.org"):
        namer.identify(parts.anomaly(10, medical=True))


def test_a_silent_server_is_an_error(taxonomy, parts):
    namer = open_namer("openai:m@http://127.0.0.1:9", taxonomy, None)
    namer._client.retries = 0
    with pytest.raises(LookTwiceError, match="cannot be reached"):
        namer.identify(parts.anomaly(10))
