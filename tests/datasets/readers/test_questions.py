"""Question files and instruction records, read from tiny made copies of their layouts."""

from __future__ import annotations

import json
from pathlib import Path

from looktwice.datasets.readers.registry import open_questions, open_records


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def test_mmad(tmp_path):
    entry = {
        "image_path": "image/broken_large/000.png",
        "conversation": [
            {
                "Question": "Is there any defect in the object?",
                "Answer": "A",
                "Options": {"A": "Yes.", "B": "No."},
                "type": "Anomaly Detection",
                "annotation": True,
            },
            {"Question": "Where?", "Answer": "B", "Options": {"A": "Top", "B": "Left"}, "type": "Defect Localization"},
        ],
        "mask_path": "rbg_mask/broken_large/000.png",
        "similar_templates": ["MVTec-AD/bottle/train/good/163.png"],
        "random_templates": [],
    }
    text(tmp_path / "MMAD/mmad.json", json.dumps({"DS-MVTec/bottle/image/broken_large/000.png": entry}))
    first, second = open_questions("mmad", tmp_path)
    base = tmp_path / "MMAD"
    assert (first.text, first.answer, first.options["A"]) == ("Is there any defect in the object?", "A", "Yes.")
    assert (first.kind, second.kind) == ("Anomaly Detection", "Defect Localization")
    assert first.category == "bottle"
    assert first.image == base / "DS-MVTec/bottle/image/broken_large/000.png"
    assert first.mask == base / "DS-MVTec/bottle/rbg_mask/broken_large/000.png"
    assert first.templates == (base / "MVTec-AD/bottle/train/good/163.png",)
    assert (first.turn, second.turn) == (0, 1)


def test_visa_dr(tmp_path):
    image = tmp_path / "VisA/candle/Data/Images/Anomaly/000.JPG"
    text(image, "")
    entries = [
        {
            "image": "VisA/candle/Data/Images/Anomaly/000.JPG",
            "questions": ["Any defects?", "Why?"],
            "answers": ["Yes, the wick.", "It was bent."],
        },
        {
            "image": "VisA/pcb1/Data/Images/Normal/0001.JPG",
            "conversations": [
                {"from": "human", "value": "<image>\nAny defects?"},
                {"from": "gpt", "value": "No."},
            ],
        },
    ]
    text(tmp_path / "VisA/visa_dr.json", json.dumps(entries))
    questions = open_questions("visa-dr", tmp_path)
    assert [(q.text, q.answer, q.category, q.turn) for q in questions] == [
        ("Any defects?", "Yes, the wick.", "candle", 0),
        ("Why?", "It was bent.", "candle", 1),
        ("Any defects?", "No.", "pcb1", 0),
    ]
    assert questions[0].image.is_file()


def test_anomaly_instruct(tmp_path):
    record = {
        "id": "7",
        "image": "webad/1.jpg",
        "conversations": [{"from": "human", "value": "<image>\nOk?"}, {"from": "gpt", "value": "Yes."}],
    }
    text(tmp_path / "a.json", json.dumps([record]))
    text(tmp_path / "b.json", json.dumps([record | {"id": "8"}]))
    assert [r.id for r in open_records("anomaly-instruct", tmp_path)] == ["7", "8"]
    assert [r.id for r in open_records("anomaly-instruct", tmp_path / "b.json")] == ["8"]
