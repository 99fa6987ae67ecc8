"""Every published benchmark is read from a tiny made copy of its own layout."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image

from looktwice.core.errors import InputError
from looktwice.datasets import load_mask
from looktwice.datasets.layouts.labelled_clouds import defect_in
from looktwice.datasets.readers.registry import (
    find_benchmark,
    list_cards,
    open_benchmark,
    open_questions,
    open_records,
)

SHAPE = (10, 12)


def picture(path: Path, value: int = 90, shape: tuple[int, int] = SHAPE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, value, np.uint8)).save(path)


def mask(path: Path, value: int = 255, marked: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros(SHAPE, np.uint8)
    values[2:4, 3:6] = value * marked
    Image.fromarray(values).save(path)


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def rows(samples) -> set[tuple]:
    """What a sample says, in short."""
    return {(s.split, s.label, s.category, s.defect, s.path.name, s.mask.name if s.mask else None) for s in samples}


@pytest.mark.parametrize("name", ["mvtec-ad", "mpdd", "mvtec-ac", "visa-ac", "visa"])
def test_mvtec_layout(tmp_path, name):
    base = tmp_path / "unpacked" / "metal_nut"
    picture(base / "train/good/000.png")
    picture(base / "test/good/000.png")
    picture(base / "test/bent/001.png")
    mask(base / "ground_truth/bent/001_mask.png")
    text(base / "license.txt", "CC BY-NC-SA")
    dataset = open_benchmark(name, tmp_path)
    assert dataset.name == name
    assert rows(dataset.samples()) == {
        ("train", 0, "metal_nut", "good", "000.png", None),
        ("test", 0, "metal_nut", "good", "000.png", None),
        ("test", 1, "metal_nut", "bent", "001.png", "001_mask.png"),
    }
    assert dataset.problems == []


def test_btad(tmp_path):
    base = tmp_path / "BTech_Dataset_transformed"
    picture(base / "03/train/ok/0000.bmp")
    picture(base / "03/test/ok/0001.bmp")
    picture(base / "03/test/ko/0002.bmp")
    mask(base / "03/ground_truth/ko/0002.bmp")
    assert rows(open_benchmark("btad", base).samples()) == {
        ("train", 0, "03", "good", "0000.bmp", None),
        ("test", 0, "03", "good", "0001.bmp", None),
        ("test", 1, "03", "ko", "0002.bmp", "0002.bmp"),
    }


def test_visa_as_published(tmp_path):
    table = [
        ("candle", "train", "normal", "candle/Data/Images/Normal/0000.JPG", ""),
        ("candle", "test", "normal", "candle/Data/Images/Normal/0001.JPG", ""),
        ("candle", "test", "anomaly", "candle/Data/Images/Anomaly/000.JPG", "candle/Data/Masks/Anomaly/000.png"),
    ]
    (tmp_path / "split_csv").mkdir()
    with (tmp_path / "split_csv/1cls.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("object", "split", "label", "image", "mask"), *table])
    for *_, image, truth in table:
        picture(tmp_path / image)
        if truth:
            mask(tmp_path / truth, value=3)
    text(
        tmp_path / "candle/image_anno.csv",
        'image,label,mask\ncandle/Data/Images/Anomaly/000.JPG,"wax melded out of the candle,chunk of wax missing",x\n',
    )
    samples = open_benchmark("visa", tmp_path).samples()
    assert rows(samples) == {
        ("train", 0, "candle", "good", "0000.JPG", None),
        ("test", 0, "candle", "good", "0001.JPG", None),
        ("test", 1, "candle", "wax melded out of the candle,chunk of wax missing", "000.JPG", "000.png"),
    }
    assert load_mask(samples[2], SHAPE).sum() == 6


def test_elpv_leaves_the_unsure_out(tmp_path):
    text(
        tmp_path / "elpv-dataset/labels.csv",
        "images/cell0001.png  1.0                 mono\nimages/cell0002.png  0.0  poly\n"
        "images/cell0003.png  0.3333333333333333  mono\n",
    )
    for number in (1, 2, 3):
        picture(tmp_path / f"elpv-dataset/images/cell000{number}.png")
    assert rows(open_benchmark("elpv", tmp_path).samples()) == {
        ("test", 1, "mono", "defective", "cell0001.png", None),
        ("test", 0, "poly", "good", "cell0002.png", None),
    }


def test_aitex_unites_masks(tmp_path):
    picture(tmp_path / "Defect_images/0044_019_04.png")
    first, second = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    first[0, 0] = second[5, 5] = 255
    (tmp_path / "Mask_images").mkdir()
    Image.fromarray(first).save(tmp_path / "Mask_images/0044_019_04_mask1.png")
    Image.fromarray(second).save(tmp_path / "Mask_images/0044_019_04_mask2.png")
    picture(tmp_path / "Defect_images/0100_002_01.png")
    mask(tmp_path / "Mask_images/0100_002_01_mask.png")
    picture(tmp_path / "NODefect_images/2306881-210020u/0001_000_00.png")
    samples = open_benchmark("aitex", tmp_path).samples()
    assert [(s.label, s.defect, s.category) for s in samples] == [
        (1, "fuzzyball", "fabric"),
        (1, "broken_end", "fabric"),
        (0, "good", "fabric"),
    ]
    assert np.argwhere(load_mask(samples[0], SHAPE)).tolist() == [[0, 0], [5, 5]]


def test_kolektor_takes_the_label_from_the_mask(tmp_path):
    for part, cracked in ((0, False), (5, True)):
        picture(tmp_path / f"kos01/Part{part}.jpg")
        mask(tmp_path / f"kos01/Part{part}_label.bmp", marked=cracked)
    samples = open_benchmark("kolektor-sdd", tmp_path).samples()
    assert rows(samples) == {
        ("test", 0, "commutator", "good", "Part0.jpg", None),
        ("test", 1, "commutator", "crack", "Part5.jpg", "Part5_label.bmp"),
    }
    assert {s.patient for s in samples} == {"kos01"}


def test_real_iad(tmp_path):
    normal = "OK/S0001/audiojack_0001_OK_C1_2023.jpg"
    bad = "NG/HS/S0065/audiojack_0065_NG_HS_C1_2023"
    split = {
        "meta": {"normal_class": "OK", "prefix": "audiojack/"},
        "train": [{"category": "audiojack", "anomaly_class": "OK", "image_path": normal, "mask_path": None}],
        "test": [
            {
                "category": "audiojack",
                "anomaly_class": "HS",
                "image_path": f"{bad}.jpg",
                "mask_path": f"{bad}_mask.png",
            }
        ],
    }
    text(tmp_path / "realiad_jsons/realiad_jsons/audiojack.json", json.dumps(split))
    text(tmp_path / "realiad_jsons/realiad_jsons_sv/audiojack.json", "{}")
    picture(tmp_path / "realiad_512/audiojack" / normal)
    picture(tmp_path / "realiad_512/audiojack" / f"{bad}.jpg")
    mask(tmp_path / "realiad_512/audiojack" / f"{bad}_mask.png")
    train, test = open_benchmark("real-iad", tmp_path).samples()
    assert (train.label, train.split, train.patient) == (0, "train", "audiojack/OK/S0001")
    assert (test.label, test.defect, test.patient) == (1, "scratch", "audiojack/NG/HS/S0065")
    assert load_mask(test, SHAPE).sum() == 6


def test_mvtec_3d(tmp_path):
    for place in ("train/good", "validation/good", "test/good", "test/hole"):
        for folder, name in (("rgb", "000.png"), ("gt", "000.png")):
            mask(tmp_path / "bagel" / place / folder / name, marked=place == "test/hole")
        scan = tmp_path / "bagel" / place / "xyz/000.tiff"
        scan.parent.mkdir(parents=True)
        tifffile.imwrite(scan, np.zeros((*SHAPE, 3), np.float32))
    samples = open_benchmark("mvtec-3d-ad", tmp_path).samples()
    assert rows(samples) == {
        ("train", 0, "bagel", "good", "000.tiff", None),
        ("test", 0, "bagel", "good", "000.tiff", None),
        ("test", 1, "bagel", "hole", "000.tiff", "000.png"),
    }
    assert len([s for s in samples if s.split == "train"]) == 2
    assert load_mask(samples[-1], SHAPE).sum() == 6


def test_eyecandies(tmp_path):
    for part, number, labels in (
        ("train", "000", {"anomalous": 0, "bumps": 0, "dents": 0, "colors": 0, "normals": 0}),
        ("test_public", "00", {"anomalous": 1, "bumps": 1, "dents": 0, "colors": 0, "normals": 1}),
        ("test_private", "000", {}),
    ):
        data = tmp_path / "CandyCane" / part / "data"
        for light in range(6):
            picture(data / f"{number}_image_{light}.png")
        mask(data / f"{number}_mask.png")
        mask(data / f"{number}_bumps_mask.png")
        text(data / f"{number}_metadata.yaml", yaml.safe_dump(labels))
    assert rows(open_benchmark("eyecandies", tmp_path).samples()) == {
        ("train", 0, "CandyCane", "good", "000_image_5.png", None),
        ("test", 1, "CandyCane", "bumps+normals", "00_image_5.png", "00_mask.png"),
    }


def cloud(path: Path, points: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(f"{i} {i * i % 7} {i % 3}" for i in range(points))
    path.write_text(
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n"
        f"WIDTH {points}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {points}\nDATA ascii\n{body}\n"
    )


def test_real3d(tmp_path):
    base = tmp_path / "Real3D-AD-PCD" / "airplane"
    cloud(base / "train/100_template.pcd", 4)
    cloud(base / "test/1_good.pcd", 4)
    cloud(base / "test/67_bulge_cut.pcd", 3)
    text(base / "gt/67_bulge_cut.txt", "0 0 0 0.0\n1 1 1 1.0\n2 4 2 1.0\n")
    samples = open_benchmark("real3d-ad", tmp_path).samples()
    assert rows(samples) == {
        ("train", 0, "airplane", "good", "100_template.pcd", None),
        ("test", 0, "airplane", "good", "1_good.pcd", None),
        ("test", 1, "airplane", "bulge", "67_bulge_cut.pcd", "67_bulge_cut.txt"),
    }
    assert load_mask(samples[-1], (3,)).tolist() == [False, True, True]


def test_anomaly_shapenet(tmp_path):
    base = tmp_path / "Anomaly-ShapeNet-v2/dataset/pcd/ashtray0"
    cloud(base / "train/ashtray0_template0.pcd", 4)
    cloud(base / "test/ashtray0_positive0.pcd", 4)
    cloud(base / "test/ashtray0_concavity2.pcd", 2)
    text(base / "GT/ashtray0_concavity2.txt", "0.0,0.0,0.0,0\n1.0,1.0,1.0,1\n")
    samples = open_benchmark("anomaly-shapenet", tmp_path / "Anomaly-ShapeNet-v2").samples()
    assert [(s.label, s.defect, s.split) for s in samples] == [
        (0, "good", "train"),
        (1, "concavity", "test"),
        (0, "good", "test"),
    ]
    assert load_mask(samples[1], (2,)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "category", "defect"),
    [
        ("ashtray0_bulge12", "ashtray0", "bulge"),
        ("1_good", "car", "good"),
        ("1_good_cut", "car", "good"),
        ("166_sink", "shell", "sink"),
        ("vase9_positive3", "vase9", "positive"),
        ("100_template", "duck", "template"),
        ("12", "duck", "good"),
    ],
)
def test_defects_in_names(name, category, defect):
    assert defect_in(name, category) == defect


def test_bmad_with_masks(tmp_path):
    base = tmp_path / "Brain_AD/BraTS2021_slice"
    picture(base / "train/good/img/00003_60.png")
    picture(base / "valid/good/img/00025_99.png")
    picture(base / "valid/Ungood/img/00124_60.png")
    mask(base / "valid/Ungood/label/00124_60.png")
    picture(base / "test/good/img/00000_96.png")
    mask(base / "test/good/label/00000_96.png", marked=False)
    picture(base / "test/Ungood/img/00002_60.png")
    mask(base / "test/Ungood/label/00002_60.png")
    samples = open_benchmark("bmad-brain-mri", tmp_path).samples()
    assert [(s.split, s.label, s.patient, s.mask is not None) for s in samples] == [
        ("train", 0, "00003", False),
        ("train", 0, "00025", False),
        ("train", 1, "00124", True),
        ("test", 0, "00000", False),
        ("test", 1, "00002", True),
    ]
    assert load_mask(samples[-1], SHAPE).sum() == 6


def test_bmad_liver_has_its_own_order(tmp_path):
    base = tmp_path / "hist_DIY"
    picture(base / "train/good/1.png")
    picture(base / "test/img/good/2.png")
    picture(base / "test/img/Ungood/3.png")
    mask(base / "test/label/Ungood/3.png")
    assert rows(open_benchmark("bmad-liver-ct", tmp_path).samples()) == {
        ("train", 0, "bmad-liver-ct", "good", "1.png", None),
        ("test", 0, "bmad-liver-ct", "good", "2.png", None),
        ("test", 1, "bmad-liver-ct", "tumour", "3.png", "3.png"),
    }


def test_bmad_resc_in_lower_case(tmp_path):
    picture(tmp_path / "RESC/train/good/1.png")
    picture(tmp_path / "RESC/test/good/img/2.png")
    picture(tmp_path / "RESC/test/ungood/img/3.png")
    mask(tmp_path / "RESC/test/ungood/label/3.png")
    assert {
        (s.label, s.defect, s.mask is not None) for s in open_benchmark("bmad-retina-resc", tmp_path).samples()
    } == {
        (0, "good", False),
        (1, "oedema", True),
    }


@pytest.mark.parametrize(
    ("name", "defect"),
    [("bmad-chest-xray", "pneumonia"), ("bmad-histopathology", "metastasis"), ("bmad-retina-oct2017", "anomaly")],
)
def test_bmad_without_masks(tmp_path, name, defect):
    picture(tmp_path / "train/good/1.png")
    picture(tmp_path / "val/Ungood/2.png")
    picture(tmp_path / "test/good/3.png")
    picture(tmp_path / "test/Ungood/4.png")
    dataset = open_benchmark(name, tmp_path)
    assert rows(dataset.samples()) == {
        ("train", 0, name, "good", "1.png", None),
        ("train", 1, name, defect, "2.png", None),
        ("test", 0, name, "good", "3.png", None),
        ("test", 1, name, defect, "4.png", None),
    }
    assert dataset.problems == [f"{name}: no masks, pixel metrics cannot be computed"]


def test_kaggle_brain_mri_is_not_bmad(tmp_path):
    picture(tmp_path / "yes/Y1.jpg")
    picture(tmp_path / "no/N1.jpg")
    assert rows(open_benchmark("brainmri", tmp_path).samples()) == {
        ("test", 0, "brainmri", "good", "N1.jpg", None),
        ("test", 1, "brainmri", "tumour", "Y1.jpg", None),
    }
    with pytest.raises(InputError, match="BMAD brain MRI"):
        open_benchmark("bmad-brain-mri", tmp_path)


def test_br35h_copies_share_a_patient(tmp_path):
    picture(tmp_path / "yes/y0.jpg", 10)
    picture(tmp_path / "yes/y1.jpg", 10)
    picture(tmp_path / "no/no0.jpg", 20)
    picture(tmp_path / "pred/pred0.jpg", 30)
    patients = {s.path.name: s.patient for s in open_benchmark("br35h", tmp_path).samples()}
    assert patients["y0.jpg"] == patients["y1.jpg"] != patients["no0.jpg"]
    assert len(patients) == 3


def test_head_ct(tmp_path):
    text(tmp_path / "labels.csv", "id, hemorrhage\n0,1\n1,0\n")
    picture(tmp_path / "head_ct/head_ct/000.png")
    picture(tmp_path / "head_ct/head_ct/001.png")
    assert rows(open_benchmark("headct", tmp_path).samples()) == {
        ("test", 1, "headct", "hemorrhage", "000.png", None),
        ("test", 0, "headct", "good", "001.png", None),
    }


@pytest.mark.parametrize("name", [card.name for card in list_cards()])
def test_a_folder_of_another_kind_is_refused(tmp_path, name):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "beach.jpg").write_bytes(b"")
    card = find_benchmark(name).card
    opened = {"samples": open_benchmark, "questions": open_questions, "records": open_records}[card.content]
    with pytest.raises(InputError) as caught:
        opened(name, tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError):
        opened(name, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [
        ("elpv", "labels.csv", "images/a.png maybe mono\n"),
        ("headct", "labels.csv", "a,b\n1,2\n"),
        ("mmad", "mmad.json", "[1, 2"),
        ("mmad", "mmad.json", '{"a/b/c.png": {}}'),
        ("visa-dr", "visa_dr.json", '{"a": 1}'),
        ("real-iad", "realiad_jsons/x.json", '{"train": []}'),
        ("visa", "split_csv/1cls.csv", "a,b\n1,2\n"),
    ],
)
def test_damaged_tables_are_input_errors(tmp_path, name, file, content):
    text(tmp_path / file, content)
    with pytest.raises(InputError, match="not laid out as"):
        (open_questions if find_benchmark(name).card.content == "questions" else open_benchmark)(name, tmp_path)
