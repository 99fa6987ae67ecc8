from __future__ import annotations

from looktwice.classification.classifier import Classifier, summarise
from looktwice.classification.namers.endpoint import EndpointNamer
from looktwice.reasoning.remote.endpoint import Endpoint

from ..made_plates import answer, detect


def test_what_is_normal_costs_no_call(server, inspector, taxonomy, plates):
    server.replies = [answer("pit")]
    references = sorted((plates / "train" / "good").iterdir())
    namer = EndpointNamer(Endpoint("m", server.url), taxonomy)
    inspector, classifier = inspector.comparing_with(references, "tiles"), Classifier(namer)
    found = classifier.classify(detect(inspector, references[0]))
    assert found.key == "good"
    assert found.severity == "normal"
    assert server.requests == []
    flawed = classifier.classify(detect(inspector, plates / "test" / "pit" / "001.png"))
    assert flawed.key == "pit"
    assert flawed.severity == "defect"
    assert len(server.requests) == 1
    content = server.requests[0]["messages"][1]["content"]
    assert [part["type"] for part in content].count("image_url") == 3
    summary = summarise([found.to_json(), flawed.to_json(), {"input": "x", "error": "y"}])
    assert (summary["calls"], summary["normal"], summary["failed"]) == (1, 1, 1)
    assert summary["tokens"] == {"prompt": 900, "answer": 30}
