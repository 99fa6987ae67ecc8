"""What `datasets check` finds in a copy of a benchmark."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from looktwice.core.errors import UsageError
from looktwice.datasets.check import check_copy

RNG = np.random.default_rng(0)


def picture(path: Path, shape: tuple[int, int] = (12, 16)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 255, shape, dtype=np.uint8)).save(path)
    return path


def mask(path: Path, shape: tuple[int, int] = (12, 16), value: int = 255) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros(shape, np.uint8)
    values[2:4, 2:4] = value
    Image.fromarray(values).save(path)
    return path


@pytest.fixture
def tile(tmp_path):
    root = tmp_path / "tile"
    picture(root / "train/good/0.png")
    for name in ("0.png", "1.png"):
        picture(root / "test/good" / name)
        picture(root / "test/crack" / name)
        mask(root / "ground_truth/crack" / name)
    return root


def test_a_whole_copy_has_no_problems(tile):
    report = check_copy("mvtec-ad", tile)
    assert report.problems == report.notes == []
    assert report.counts == {"tile": {"train": 1, "normal": 2, "anomalous": 2, "masks": 2}}
    assert check_copy("folder", tile).counts == report.counts


def test_each_damage_is_named(tile):
    (tile / "test/good/0.png").write_bytes((tile / "test/good/0.png").read_bytes()[:-30])
    mask(tile / "ground_truth/crack/0.png", shape=(12, 17))
    mask(tile / "ground_truth/crack/1.png", value=0)
    picture(tile / "test/crack/2.png")
    problems = "\n".join(check_copy("folder", tile).problems)
    assert "no mask for crack/2.png" in problems
    assert "test/good/0.png: cannot be read" in problems
    assert "is 12×17, but its input is 12×16" in problems
    assert "test/crack/1.png: is anomalous, and its mask is empty" in problems
    assert len(problems.splitlines()) == 4


def test_copies_are_found_by_content(tile):
    (tile / "test/good/0.png").write_bytes((tile / "train/good/0.png").read_bytes())
    (tile / "test/crack/1.png").write_bytes((tile / "test/good/1.png").read_bytes())
    picture(tile / "test/good/3.png")
    (tile / "test/good/4.png").write_bytes((tile / "test/good/3.png").read_bytes())
    assert sorted(check_copy("folder", tile).problems) == [
        "the same file 2 times: test/good/3.png, test/good/4.png",
        "the same file as normal and as anomalous: test/crack/1.png, test/good/1.png",
        "the same file for training and for testing: train/good/0.png, test/good/0.png",
    ]


def test_br35h_says_how_many_pictures_it_holds(tmp_path):
    for number in range(4):
        picture(tmp_path / f"no/no{number}.jpg")
        picture(tmp_path / f"yes/y{number}.jpg")
    for number in (4, 5, 6):
        (tmp_path / f"yes/y{number}.jpg").write_bytes((tmp_path / "yes/y0.jpg").read_bytes())
    report = check_copy("br35h", tmp_path)
    assert report.problems == ["4 files are copies of each other: the set holds 8 distinct files"]
    assert report.notes == ["br35h: no masks, pixel metrics cannot be computed"]


def test_a_patient_in_two_splits(tmp_path):
    for place in ("train/good/img/00003_60.png", "test/good/img/00003_71.png", "test/good/img/00004_71.png"):
        picture(tmp_path / place)
    picture(tmp_path / "test/Ungood/img/00005_1.png")
    mask(tmp_path / "test/Ungood/label/00005_1.png")
    assert check_copy("bmad-brain-mri", tmp_path).problems == ["00003 is in training and in testing"]


def test_missing_files_of_a_table(tmp_path):
    (tmp_path / "labels.csv").write_text("images/a.png 1.0 mono\nimages/b.png 0.0 mono\n")
    picture(tmp_path / "images/a.png")
    assert check_copy("elpv", tmp_path).problems == ["images/b.png: does not exist"]


def test_volumes_and_clouds_are_read_to_their_end(tmp_path):
    volumes = tmp_path / "brain"
    for name in ("good/a", "tumour/b", "tumour/c"):
        path = volumes / "test" / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(RNG.normal(size=(16, 16, 16)).astype(np.float32), np.eye(4)), path)
    truth = volumes / "ground_truth/tumour/b_mask.nii.gz"
    truth.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image(np.ones((16, 16, 15), np.uint8), np.eye(4)), truth)
    nib.save(nib.Nifti1Image(np.ones((16, 16, 16), np.uint8), np.eye(4)), truth.with_name("c_mask.nii.gz"))
    broken = volumes / "test/tumour/c.nii.gz"
    broken.write_bytes(broken.read_bytes()[:5000])
    first, second = check_copy("folder", volumes).problems
    assert "is 16×16×15, but its input is 16×16×16" in first
    assert second.startswith("test/tumour/c.nii.gz: cannot be read")

    clouds = tmp_path / "nut"
    header = (
        "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
    )
    for name, count in (("good/a.ply", 3), ("dent/b.ply", 4)):
        path = clouds / "test" / name
        path.parent.mkdir(parents=True)
        path.write_text(header.format(count) + "".join(f"{i} {i * i} 0\n" for i in range(count)))
    labels = clouds / "ground_truth/dent/b_mask.txt"
    labels.parent.mkdir(parents=True)
    labels.write_text("0\n1\n1\n")
    (problem,) = check_copy("folder", clouds).problems
    assert problem.endswith("is 3, but its input is 4; resize one of them")


def test_questions(tmp_path):
    entry = {
        "conversation": [
            {"Question": "Any?", "Answer": "C", "Options": {"A": "Yes", "B": "No"}, "type": "Anomaly Detection"},
            {"Question": "Any?", "Answer": "A", "Options": {"A": "Yes", "B": "No"}, "type": "Anomaly Detection"},
        ],
        "similar_templates": ["x/y/absent.png"],
    }
    (tmp_path / "mmad.json").write_text(json.dumps({"VisA/candle/test/bad/000.JPG": entry}))
    picture(tmp_path / "VisA/candle/test/bad/000.JPG")
    report = check_copy("mmad", tmp_path)
    assert report.counts == {"Anomaly Detection": {"questions": 2}}
    assert report.problems == [
        "x/y/absent.png: does not exist",
        "VisA/candle/test/bad/000.JPG, question 1: the answer 'C' is none of its options",
    ]


def test_records(tmp_path):
    said = [{"from": "human", "value": "<image>\nOk?"}, {"from": "gpt", "value": "Yes."}]
    picture(tmp_path / "a.png")
    records = [{"id": name, "image": f"{name}.png", "conversations": said} for name in ("a", "b")]
    (tmp_path / "records.json").write_text(json.dumps(records))
    for place in (tmp_path, tmp_path / "records.json"):
        report = check_copy("anomaly-instruct", place)
        assert report.counts == {"conversations": {"records": 2}}
        assert report.problems == ["b.png: does not exist"]


def test_unknown_names(tmp_path):
    with pytest.raises(UsageError, match="no benchmark"):
        check_copy("mvtec", tmp_path)


@pytest.mark.data
def test_the_shared_tiles(data_folder):
    report = check_copy("folder", data_folder / "industrial/magnetic_tile")
    assert report.counts == {"magnetic_tile": {"train": 300, "normal": 150, "anomalous": 392, "masks": 392}}
    assert all("mask is empty" in problem for problem in report.problems)
