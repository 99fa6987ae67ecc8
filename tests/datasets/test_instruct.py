from __future__ import annotations

import json
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from looktwice.core.errors import InputError
from looktwice.core.wording.appearance import Appearance
from looktwice.core.wording.place import PLACES, places_in
from looktwice.core.wording.quantities import percent
from looktwice.datasets.folder import open_folder
from looktwice.datasets.instruct import Record, build_records, read_records, split_records, write_records
from looktwice.datasets.instruct_words import Domain, Finding, converse, explain
from looktwice.reasoning.grounding.contradictions import contradictions, stated_verdicts
from looktwice.reasoning.grounding.facts import Facts


@pytest.fixture
def benchmark(tmp_path):
    """Six normal plates, two with a dark scratch at the lower left, one marked "bad" without a mask."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "metal_plate"
    for split, defect, number in (
        ("train", "good", 1),
        ("test", "good", 6),
        ("test", "scratch", 2),
        ("test", "bad", 1),
    ):
        (folder / split / defect).mkdir(parents=True, exist_ok=True)
        for index in range(number):
            pixels = rng.normal(150, 4, (90, 120, 3)).clip(0, 255).astype(np.uint8)
            if defect == "scratch":
                pixels[80:83, 5:35] = 40
                mask = np.zeros((90, 120), np.uint8)
                mask[80:83, 5:35] = 255
                (folder / "ground_truth" / defect).mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(folder / "ground_truth" / defect / f"{index:03d}_mask.png")
            Image.fromarray(pixels).save(folder / split / defect / f"{index:03d}.png")
    return folder


def records_of(folder, **options) -> list[Record]:
    return build_records(open_folder(folder), folder, **options)


def test_what_is_said_was_measured_on_the_mask(benchmark):
    records = records_of(benchmark, conversations=20)
    scratches = [record for record in records if record.kind == "scratch"]
    assert len(scratches) == 40
    text = " ".join(answer for record in scratches for _, answer in record.turns)
    assert {record.place for record in scratches} == {"bottom left"}
    assert set(places_in(text)) == {"bottom left"}
    for words in ("small, elongated mark that is darker than what is around it", "0.83 %", "scratch", "magnification"):
        assert words in text


def test_phrasing_varies_and_the_seed_decides(benchmark):
    records = records_of(benchmark, conversations=20)
    assert len({record.turns[0][0] for record in records}) > 8
    assert {len(record.turns) for record in records} == {1, 2, 3, 4}
    assert records == records_of(benchmark, conversations=20)
    assert records != records_of(benchmark, conversations=20, seed=1)


def test_negatives_are_in_proportion(benchmark):
    assert Counter(record.label for record in records_of(benchmark)) == {1: 3, 0: 3}
    assert Counter(record.label for record in records_of(benchmark, normal_per_anomalous=2)) == {1: 3, 0: 6}


def test_without_a_mask_nothing_is_said_of_place_or_size(benchmark):
    records = [record for record in records_of(benchmark, conversations=30) if "/bad/" in record.image[0]]
    text = " ".join(answer for record in records for _, answer in record.turns)
    assert stated_verdicts(text) == {"anomalous"}
    assert places_in(text) == []
    assert "%" not in text


def test_records_are_written_as_llava_reads_them(benchmark, tmp_path):
    records = records_of(benchmark, conversations=2)
    path = tmp_path / "träining data.json"
    write_records(records, path)
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert set(raw[0]) >= {"id", "image", "conversations"}
    assert isinstance(raw[0]["image"], str)
    assert (benchmark / raw[0]["image"]).is_file()
    for entry in raw:
        assert [said["from"] for said in entry["conversations"]][:2] == ["human", "gpt"]
        assert entry["conversations"][0]["value"].startswith("<image>\n")
        assert not any("<image>" in said["value"] for said in entry["conversations"][1:])
    assert read_records(path) == records


def test_records_of_others_are_read(tmp_path):
    path = tmp_path / "anomaly_instruct.json"
    conversation = [{"from": "human", "value": "<image>\n<image>\nWhich one?"}, {"from": "gpt", "value": "The second."}]
    path.write_text(
        json.dumps(
            [
                {"id": 7, "image": ["a.png", "b.png"], "conversations": conversation, "source": "elsewhere"},
                {"id": "text", "conversations": conversation},
            ]
        )
    )
    both, text_only = read_records(path)
    assert (both.id, both.image, both.turns) == ("7", ["a.png", "b.png"], [("Which one?", "The second.")])
    assert text_only.image == []
    write_records([both, text_only], path)
    assert read_records(path) == [both, text_only]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '[{"id": "a", "conversations": []}]',
        '[{"id": "a", "conversations": [{"from": "human", "value": "x"}, {"from": "human", "value": "x"}]}]',
        '[{"id": "a", "conversations": [{"from": "human", "value": "x"}, {"from": "robot", "value": "x"}]}]',
    ],
)
def test_bad_files_are_one_clear_line(tmp_path, content):
    path = tmp_path / "records.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_records(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_benchmark_without_pictures(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_records(tmp_path / "none.json")
    folder = tmp_path / "scans" / "test" / "good"
    folder.mkdir(parents=True)
    (folder / "a.nii.gz").write_bytes(b"")
    with pytest.raises(InputError, match="contains no images"):
        records_of(tmp_path / "scans")


def test_a_mask_of_another_size_is_an_input_error(benchmark):
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(benchmark / "ground_truth" / "scratch" / "000_mask.png")
    with pytest.raises(InputError, match="resize one of them"):
        records_of(benchmark)


def record(name: str, category: str, thing: str) -> Record:
    said = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
    return Record.model_validate({"id": name, "conversations": said, "category": category, "object": thing})


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40),
    st.floats(0, 1),
    st.sampled_from(["object", "category"]),
    st.integers(0, 3),
)
def test_no_object_is_on_both_sides(pairs, share, by, seed):
    records = [record(str(i), f"c{category}", f"c{category}/{thing}") for i, (category, thing) in enumerate(pairs)]
    first, second = split_records(records, share, by, seed)
    assert sorted(r.id for r in (*first, *second)) == sorted(r.id for r in records)
    assert not {getattr(r, by) for r in first} & {getattr(r, by) for r in second}
    if len({getattr(r, by) for r in records}) > 1 and share > 0:
        assert first
        assert second


appearances = st.builds(
    Appearance,
    place=st.sampled_from(PLACES),
    share=st.floats(1e-5, 1),
    size=st.sampled_from(["tiny", "small", "medium-sized", "large", "very large"]),
    severity=st.sampled_from(["slight", "moderate", "severe"]),
    shape=st.sampled_from(["elongated", "round", "irregular", "compact"]),
    contrast=st.sampled_from(["darker", "brighter", "rougher", "smoother", None]),
    parts=st.just(1),
)
findings = st.builds(
    Finding,
    thing=st.sampled_from(["metal plate", "chest x-ray", "pill"]),
    domain=st.sampled_from(Domain),
    anomalous=st.just(True),
    kind=st.sampled_from([None, "scratch", "blow hole"]),
    appearance=st.none() | appearances,
) | st.builds(Finding, thing=st.just("pill"), domain=st.sampled_from(Domain), anomalous=st.just(False))


@settings(max_examples=400)
@given(findings, st.integers(0, 10_000))
def test_no_answer_contradicts_what_was_measured(finding, seed):
    seen = finding.appearance
    facts = Facts(
        verdict="anomalous" if finding.anomalous else "normal",
        unsure=False,
        score=0.9 if finding.anomalous else 0.1,
        threshold=0.5,
        suspicion="highly",
        where=seen.place if seen else None,
        size=f"{percent(seen.share)} of the picture" if seen else None,
    )
    turns = converse(finding, random.Random(seed))
    assert turns[0][1].startswith("Yes, " if finding.anomalous else "No, ")
    for question, answer in turns:
        assert contradictions(answer, facts) == []
        assert "{" not in question + answer
    assert stated_verdicts(turns[0][1]) == {facts.verdict}
    explained = explain(finding, random.Random(seed))
    assert (explained[:3], contradictions(explained, facts)) == ("Yes" if finding.anomalous else "No,", [])
