from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from looktwice.core.finding import Finding
from looktwice.report import write_report
from looktwice.report.writing import write_study


@pytest.fixture(params=["photograph", "volume", "cloud"])
def made(request):
    if request.param == "photograph":
        return request.getfixturevalue("photograph")
    return request.getfixturevalue(f"make_{request.param}")()


HEATMAPS = {"image": "heatmap.png", "volume": "heatmap.nii.gz", "pointcloud": "heatmap.ply"}


def test_exactly_the_artifacts_are_written(made, tmp_path):
    folder = tmp_path / "out ü" / "study"
    artifacts = write_report(made.result, made.study, made.pictures, folder)
    assert artifacts == {
        "heatmap": HEATMAPS[made.result.modality.value],
        "overlay": "overlay.png",
        "report": "report.html",
        "json": "report.json",
    }
    assert sorted(path.name for path in folder.iterdir()) == sorted(artifacts.values())
    assert made.result.artifacts == artifacts
    with Image.open(folder / "overlay.png") as overlay:
        assert min(overlay.size) > 70


def test_the_json_is_the_result(photograph, tmp_path):
    result = photograph.result
    write_report(result, photograph.study, photograph.pictures, tmp_path / "out")
    written = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(result.to_json()))
    assert written["artifacts"]["report"] == "report.html"
    assert written["seconds"]["write"] > 0
    assert written["answer"]["kind"] == "template"


def test_numbers_that_json_does_not_have_become_null(photograph, tmp_path):
    photograph.result.findings = (Finding("cohort", float("nan")), Finding("ltfm", np.float32(0.0)))
    write_report(photograph.result, photograph.study, photograph.pictures, tmp_path)
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert written["findings"] == [{"name": "cohort", "score": None}, {"name": "ltfm", "score": 0.5}]


def test_a_second_run_replaces_the_first(photograph, tmp_path):
    write_report(photograph.result, photograph.study, photograph.pictures, tmp_path / "out")
    again = replace(photograph.result, study="second")
    write_report(again, photograph.study, photograph.pictures, tmp_path / "out")
    assert "second" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_the_viewer_can_be_left_out(make_volume, tmp_path):
    made = make_volume()
    write_report(made.result, made.study, made.pictures, tmp_path, viewer=False)
    assert "brainsprite" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    write_report(made.result, made.study, made.pictures, tmp_path)
    assert "brainsprite" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert (tmp_path / "report.html").stat().st_size < 5_000_000


def test_slices_are_shown_in_grey(make_volume, tmp_path):
    made = make_volume()
    false_colours = [replace(p, image=p.image * np.array([1, 0, 0], np.uint8)) for p in made.pictures]
    cold = [replace(p, heat=np.zeros_like(p.heat)) for p in false_colours]
    write_report(made.result, made.study, cold, tmp_path, viewer=False)
    with Image.open(tmp_path / "overlay.png") as overlay:
        tile = np.asarray(overlay)[60:360, 30:340].astype(int)
    assert np.abs(tile[..., 0] - tile[..., 2]).max() < 3
    assert tile.max() > 100


def test_without_a_dicom_series_the_rest_is_written_and_said(photograph, tmp_path):
    result, study = photograph.result, photograph.study
    write_study(result, study, np.zeros((1, 4, 4), np.float32), tmp_path, dicom=True)

    assert any("no DICOM objects were written" in note for note in result.notes)
    assert str(study.source) not in " ".join(result.notes)
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert "heatmap" in written["artifacts"]
    assert written["notes"] == result.notes
