from __future__ import annotations

import json

import numpy as np
import pytest

from looktwice.classification.cache import CachedNamer
from looktwice.classification.classifier import Classifier, open_namer, summarise
from looktwice.classification.detection import Detector
from looktwice.classification.namers.measured import Embedded
from looktwice.classification.namers.endpoint import EndpointNamer, answer_format, read_answer
from looktwice.classification.examples import find_examples, look_at_examples
from looktwice.classification.anomaly import Contours
from looktwice.classification.taxonomy import UNKNOWN
from looktwice.core.errors import InputError, LookTwiceError, UsageError
from looktwice.reasoning.remote import Endpoint


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("LOOKTWICE_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def answer(name, confidence=0.9):
    return json.dumps({"reason": "dark", "class": name, "confidence": confidence})


def test_without_examples_the_words_of_the_taxonomy_decide(inspector, taxonomy, parts):
    embedded = Embedded(inspector.expert.encoder, taxonomy)
    assert embedded.identify(parts.specimen(10)).key == "pit"
    bright = embedded.identify(parts.specimen(240))
    assert (bright.key, bright.why) == ("blob", "the region is bright")
    assert sum(bright.probabilities.values()) == pytest.approx(1)


def test_where_nothing_tells_classes_apart_the_answer_is_unknown(inspector, taxonomy, parts):
    same = {key: entry.model_copy(update={"traits": ()}) for key, entry in taxonomy.classes.items()}
    blank = taxonomy.model_copy(update={"classes": same})
    naming = Embedded(inspector.expert.encoder, blank).identify(parts.specimen(10))
    assert naming.is_unknown
    assert naming.confidence == pytest.approx(0.5)


def test_examples_teach_what_the_words_do_not_say(inspector, taxonomy, parts):
    same = {key: entry.model_copy(update={"traits": ()}) for key, entry in taxonomy.classes.items()}
    blank = taxonomy.model_copy(update={"classes": same})
    given = {"pit": [parts.specimen(10, 1)], "blob": [parts.specimen(240, 2)]}
    embedded = open_namer("embedded", blank, inspector.expert.encoder, examples=given)
    found = embedded.identify(parts.specimen(20, 3))
    assert found.key == "pit"
    assert "the 1 example of pit" in found.why
    assert embedded.identify(parts.specimen(230, 4)).key == "blob"


def test_examples_must_be_of_the_taxonomys_classes_and_of_two_of_them(inspector, taxonomy, parts):
    for given, message in (({"dent": [parts.specimen(10)]}, "dent"), ({"pit": [parts.specimen(10)]}, "one class")):
        with pytest.raises(UsageError, match=message):
            open_namer("embedded", taxonomy, inspector.expert.encoder, examples=given)


def test_a_server_is_held_to_the_names_and_its_tokens_are_counted(server, taxonomy, parts):
    server.replies = [answer("Bright Blob")]
    naming = EndpointNamer(Endpoint("m", server.url), taxonomy).identify(parts.specimen(240))
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
        ("It is a pit.", "did not answer in the form"),
        (answer("dent"), "'dent', which is no class"),
        ("[]", "did not answer in the form"),
        ('{"reason": "x"}', "did not answer in the form"),
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


def test_medical_specimens_stay_on_this_machine(taxonomy, parts):
    namer = EndpointNamer(Endpoint("m", "https://example.org/v1"), taxonomy)
    with pytest.raises(UsageError, match=r"medical data is not sent to example\.org"):
        namer.identify(parts.specimen(10, medical=True))


def test_the_same_picture_is_asked_about_once(server, taxonomy, parts, tmp_path):
    server.replies = [answer("pit")]
    for _ in range(2):  # a run that is started again
        namer = CachedNamer(EndpointNamer(Endpoint("m", server.url), taxonomy), tmp_path)
        assert namer.identify(parts.specimen(10)).key == "pit"
    assert namer.hits == 1
    assert namer.identify(parts.specimen(10)).tokens == {}
    assert len(server.requests) == 1
    namer.identify(parts.specimen(11))
    other = taxonomy.model_copy(update={"strategy": "Look twice."})
    CachedNamer(EndpointNamer(Endpoint("m", server.url), other), tmp_path).identify(parts.specimen(10))
    assert len(server.requests) == 3


def test_answers_that_could_not_be_taken_are_asked_again_and_damaged_ones_too(server, taxonomy, parts, tmp_path):
    server.replies = ["no idea", answer("pit")]
    namer = CachedNamer(EndpointNamer(Endpoint("m", server.url), taxonomy), tmp_path)
    assert namer.identify(parts.specimen(10)).is_unknown
    assert namer.identify(parts.specimen(10)).key == "pit"
    (kept,) = tmp_path.glob("*.json")
    kept.write_text("{")
    assert namer.identify(parts.specimen(10)).key == "pit"
    assert len(server.requests) == 3


def test_what_is_normal_costs_no_call(server, inspector, taxonomy, plates):
    server.replies = [answer("pit")]
    references = sorted((plates / "train" / "good").iterdir())
    namer = EndpointNamer(Endpoint("m", server.url), taxonomy)
    classifier = Classifier(Detector(inspector, references), namer)
    found = classifier.classify(references[0])
    assert found.key == "good"
    assert found.severity == "normal"
    assert server.requests == []
    flawed = classifier.classify(plates / "test" / "pit" / "001.png")
    assert flawed.key == "pit"
    assert flawed.severity == "defect"
    assert len(server.requests) == 1
    content = server.requests[0]["messages"][1]["content"]
    assert [part["type"] for part in content].count("image_url") == 3
    summary = summarise([found.to_json(), flawed.to_json(), {"input": "x", "error": "y"}])
    assert (summary["calls"], summary["normal"], summary["failed"]) == (1, 1, 1)
    assert summary["tokens"] == {"prompt": 900, "answer": 30}


def test_a_silent_server_is_an_error(taxonomy, parts):
    namer = open_namer("openai:m@http://127.0.0.1:9", taxonomy, None)
    namer._client.retries = 0
    with pytest.raises(LookTwiceError, match="cannot be reached"):
        namer.identify(parts.specimen(10))


def test_nobody_of_that_name(taxonomy):
    with pytest.raises(UsageError, match="'gpt'"):
        open_namer("gpt", taxonomy, None)


def test_detection_finds_the_flaw_and_oracle_contours_are_named_so(inspector, plates, parts):
    detector = Detector(inspector, sorted((plates / "train" / "good").iterdir()))
    path = plates / "test" / "pit" / "001.png"
    predicted = detector.look(path).specimen
    assert predicted.contours is Contours.PREDICTED
    truth = parts.disc((25, 24))
    assert (predicted.exposures[0].mask & truth).any()
    oracle = detector.look(path, truth=truth).specimen
    assert oracle.contours is Contours.ORACLE
    assert (oracle.exposures[0].mask == truth).all()
    with pytest.raises(InputError, match="mask is empty or of another size"):
        detector.look(path, truth=np.ones((3, 3), bool))


def test_references_of_another_object_are_noticed(inspector, plates, tmp_path):
    from PIL import Image

    detector = Detector(inspector, sorted((plates / "train" / "good").iterdir()))
    rows, columns = np.ogrid[:64, :64]
    checks = np.where((rows // 4 + columns // 4) % 2, 255, 0).astype(np.uint8)
    Image.fromarray(checks).save(tmp_path / "board.png")
    found = detector.look(tmp_path / "board.png")
    assert found.another_object
    assert "looks unlike every reference" in found.notes[0]
    assert not detector.look(plates / "test" / "good" / "000.png").another_object


def test_references_are_checked(inspector, plates, tmp_path):
    one = sorted((plates / "train" / "good").iterdir())[:1]
    with pytest.raises(UsageError, match="at least two photographs"):
        Detector(inspector, one)
    (tmp_path / "empty.png").touch()
    with pytest.raises(UsageError, match=r"reference .*empty"):
        Detector(inspector, [*one, tmp_path / "empty.png"])


def test_examples_are_read_with_their_masks(inspector, taxonomy, plates, tmp_path, parts):
    import shutil

    for kind, name in (("pit", "pit"), ("blob", "bright blob")):
        folder = tmp_path / "examples" / name
        folder.mkdir(parents=True)
        shutil.copy(plates / "test" / kind / "000.png", folder)
        shutil.copy(plates / "ground_truth" / kind / "000_mask.png", folder)
    (tmp_path / "examples" / "pit" / "bad.png").write_text("no picture")
    entries = find_examples(tmp_path / "examples", taxonomy)
    assert {key: len(group) for key, group in entries.items()} == {"pit": 2, "blob": 1}
    detector = Detector(inspector, sorted((plates / "train" / "good").iterdir()))
    specimens, problems = look_at_examples(detector, entries)
    assert (specimens["pit"][0].exposures[0].mask == parts.disc((20, 24))).all()
    assert len(problems) == 1
    assert "example of pit" in problems[0]
    (tmp_path / "examples" / "dent").mkdir()
    with pytest.raises(UsageError, match="dent is no class"):
        find_examples(tmp_path / "examples", taxonomy)
    with pytest.raises(UsageError, match="holds no examples"):
        find_examples(tmp_path / "nothing", taxonomy)
