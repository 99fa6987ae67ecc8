"""Answers kept by content."""

from __future__ import annotations

from looktwice.classification.namers.endpoint import EndpointNamer
from looktwice.classification.naming import CachedNamer
from looktwice.reasoning.remote.endpoint import Endpoint

from ..made_plates import answer


def test_the_same_picture_is_asked_about_once(server, taxonomy, parts, tmp_path):
    server.replies = [answer("pit")]
    for _ in range(2):  # a run that is started again
        namer = CachedNamer(EndpointNamer(Endpoint("m", server.url), taxonomy), tmp_path)
        assert namer.identify(parts.anomaly(10)).key == "pit"
    assert namer.hits == 1
    assert namer.identify(parts.anomaly(10)).tokens == {}
    assert len(server.requests) == 1
    namer.identify(parts.anomaly(11))
    other = taxonomy.model_copy(update={"strategy": "Look twice."})
    CachedNamer(EndpointNamer(Endpoint("m", server.url), other), tmp_path).identify(parts.anomaly(10))
    assert len(server.requests) == 3


def test_answers_that_could_not_be_taken_are_asked_again_and_damaged_ones_too(server, taxonomy, parts, tmp_path):
    server.replies = ["no idea", answer("pit")]
    namer = CachedNamer(EndpointNamer(Endpoint("m", server.url), taxonomy), tmp_path)
    assert namer.identify(parts.anomaly(10)).is_unknown
    assert namer.identify(parts.anomaly(10)).key == "pit"
    (kept,) = tmp_path.glob("*.json")
    kept.write_text("{")
    assert namer.identify(parts.anomaly(10)).key == "pit"
    assert len(server.requests) == 3
