"""``inspect`` of many inputs at its door: found, kept apart, done again or resumed, and never ended by one of them."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app
from looktwice.modalities.images.pixel_map import PixelMap

from ..modalities.dicom_trees import series


@pytest.fixture
def model(inspector, tmp_path) -> str:
    """An expert that costs nothing."""
    return str(tmp_path / "silent.safetensors")


@pytest.fixture
def run(model, tmp_path):
    def call(*arguments: object, out: str = "out", code: int = 0) -> tuple[list[dict], str]:
        own = ["--model", model, "--device", "cpu", "--llm", "template", "--json", "--out", tmp_path / out]
        done = CliRunner().invoke(app, [str(one) for one in ("inspect", *arguments, *own)])
        assert done.exit_code == code, done.output
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    return call


def plate(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(90, 140, (48, 64, 3), np.uint8)).save(path)
    return path


def test_pictures_of_one_name_are_kept_apart_in_one_call_and_in_two(run, tmp_path):
    first, second = plate(tmp_path / "p1" / "scan.png", 1), plate(tmp_path / "p2" / "scan.png", 2)
    third = plate(tmp_path / "p1" / "scan.bmp", 3)
    (one,), _ = run(first)
    others, _ = run(second, third)
    together, _ = run(first, second, third, out="other")
    names = [record["study"] for record in (one, *others)]
    assert len(set(names)) == 3
    assert [record["study"] for record in together] == names
    lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["input"] for line in lines) == sorted(map(str, (first, second, third)))


def test_the_same_file_has_the_same_name_whatever_way_leads_to_it(run, tmp_path, monkeypatch):
    path = plate(tmp_path / "in" / "a.png")
    monkeypatch.chdir(tmp_path / "in")
    (one,), _ = run("a.png")
    (two,), _ = run(path)
    assert one["study"] == two["study"]
    assert one["input"] == "a.png"


def test_a_medical_pictures_name_is_not_used(run, tmp_path):
    (one,), _ = run(plate(tmp_path / "Doe John 1970.png"), "--medical")
    assert one["study"].startswith("image-")
    assert "Doe" not in one["study"]


def test_each_series_of_a_tree_is_done_and_listed(run, tmp_path):
    series(tmp_path / "in" / "p1" / "se1", 6, uid="1.4.1")
    series(tmp_path / "in" / "p1" / "se2", 5, uid="1.4.2")
    records, said = run(tmp_path / "in", "--no-explain")
    assert len({record["study"] for record in records}) == 2
    assert all(record["study"].startswith("ct-") for record in records)
    assert f"2 series of one examination, choose by --series: {records[0]['study']} (CT, 6 images)" in said
    (chosen,), said = run(tmp_path / "in", "--no-explain", "--series", records[1]["study"])
    assert chosen["study"] == records[1]["study"]
    assert "Planted" not in said + json.dumps(records)


def test_other_images_under_the_same_uids_never_replace_a_study(run, tmp_path):
    for number, name in enumerate(("a", "b")):
        series(tmp_path / name, 5, uid="1.5.5", tone=60 * number)
    (first,), _ = run(tmp_path / "a", "--no-explain")
    heat = (tmp_path / "out" / first["study"] / "heatmap.nii.gz").read_bytes()
    (second,), _ = run(tmp_path / "b", "--no-explain")
    assert second["study"] != first["study"]
    assert (tmp_path / "out" / first["study"] / "heatmap.nii.gz").read_bytes() == heat
    both, _ = run(tmp_path / "a", tmp_path / "b", "--no-explain")
    assert [record["study"] for record in both] == [first["study"], second["study"]]


def test_resume_does_only_what_is_new_changed_or_not_whole(run, tmp_path):
    paths = [plate(tmp_path / "in" / f"{number}.png", number) for number in range(4)]
    records, _ = run(tmp_path / "in")
    written = {
        record["study"]: (tmp_path / "out" / record["study"] / "report.json").stat().st_mtime_ns for record in records
    }
    plate(paths[1], 99)
    (tmp_path / "out" / records[2]["study"] / "heatmap.png").unlink()
    plate(tmp_path / "in" / "4.png", 4)
    again, said = run(tmp_path / "in", "--resume")
    assert "2 of 5 were done before and are unchanged" in said
    assert [record["study"] for record in again[:4]] == [record["study"] for record in records]
    assert (again[0], again[3]) == (records[0], records[3])
    now = [(tmp_path / "out" / name / "report.json").stat().st_mtime_ns == time for name, time in written.items()]
    assert now == [True, False, False, True]
    _, said = run(tmp_path / "in", "--resume", "--threshold", "0.7")
    assert "done before" not in said
    os.utime(paths[0])
    _, said = run(tmp_path / "in", "--resume", "--threshold", "0.7")
    assert "5 of 5 were done before" in said


def test_what_fails_is_named_in_its_place_and_the_rest_is_done(run, tmp_path):
    good = plate(tmp_path / "good.png")
    (tmp_path / "empty").mkdir()
    records, said = run(tmp_path / "missing.png", good, tmp_path / "empty", code=1)
    assert ["error" in record for record in records] == [True, False, True]
    assert said.count("error: ") == 2
    assert "Traceback" not in said
    (failed,), _ = run(tmp_path / "missing.png", code=1)
    assert failed["input"] == str(tmp_path / "missing.png")


@pytest.mark.parametrize(
    "error", [RuntimeError("boom\nin a library"), ZeroDivisionError(), MemoryError(), KeyError("x")]
)
def test_any_error_of_a_library_costs_one_input_one_line(run, tmp_path, monkeypatch, error):
    paths = [plate(tmp_path / f"{name}.png") for name in "abc"]
    regions = PixelMap.regions
    count = iter(range(100))

    def fail(self, *arguments, **named):
        if next(count) == 0:
            raise error
        return regions(self, *arguments, **named)

    monkeypatch.setattr(PixelMap, "regions", fail)
    records, said = run(*paths, code=1)
    assert ["error" in record for record in records] == [True, False, False]
    assert records[0]["error"].startswith(f"{paths[0]}: cannot be inspected (")
    assert "\n" not in records[0]["error"]
    assert "Traceback" not in said


def test_a_full_disk_is_one_line_an_input(run, tmp_path, monkeypatch):
    def full(self, folder):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(PixelMap, "write", full)
    path, out = plate(tmp_path / "a.png"), tmp_path / "out"
    (failed,), said = run(path, code=1)
    assert failed["error"] == f"{path}: {out}: the results cannot be written (No space left on device)"
    assert sorted(one.name for one in out.iterdir()) == ["index.html", "results.csv", "results.jsonl"]
    assert said.count("error: ") == 1


def test_an_output_folder_that_cannot_be_written_to_stops_the_call_before_it_starts(run, tmp_path):
    path = plate(tmp_path / "a.png")
    done = CliRunner().invoke(app, ["inspect", str(path), "--out", str(path / "out")])
    assert done.exit_code != 0
    assert "cannot be written to" in str(done.exception)


def test_options_that_do_not_fit_are_said_once(run, tmp_path):
    paths = [plate(tmp_path / f"{name}.png") for name in "ab"]
    options = ("--unit", "mm", "--planes", "all", "--channel", "3", "--export", "csv", "--dicom", "--window", "lung")
    records, said = run(*paths, *options)
    for option in ("--unit", "--planes", "--channel", "--export csv", "--dicom", "--window"):
        assert said.count(f"note: {option} is for ") == 1
    assert "note: --unit is for point clouds only, and passed over: there is none (images)" in said
    assert all(any(note.startswith("no DICOM objects were written") for note in record["notes"]) for record in records)
    _, said = run(*paths)
    assert "note:" not in said


def test_results_inside_the_inputs_folder_are_not_inspected(run, tmp_path):
    plate(tmp_path / "in" / "a.png")
    run(tmp_path / "in", out="in/results")
    records, said = run(tmp_path / "in", out="in/results")
    assert len(records) == 1
    assert "1 folder with results passed over" in said
    shutil.move(tmp_path / "in" / "results", tmp_path / "in" / "moved")
    records, _ = run(tmp_path / "in")
    assert len(records) == 1


def test_a_reader_that_dies_costs_one_input(run, tmp_path, monkeypatch):
    points = np.random.default_rng(0).normal(size=(300, 3))
    np.savetxt(tmp_path / "good.xyz", points, fmt="%.4f")
    np.savetxt(tmp_path / "bad.xyz", points, fmt="%.4f")
    monkeypatch.setattr("looktwice.modalities.pointclouds.opening.read_cloud", _dies_on_bad)
    records, _ = run(tmp_path / "bad.xyz", tmp_path / "good.xyz", "--no-explain", code=1)
    assert ["error" in record for record in records] == [True, False]
    assert records[0]["error"].startswith(f"{tmp_path / 'bad.xyz'}: the reader crashed (SIGABRT)")


class _Dies:
    """Pickled to what ends the process that reads a certain file."""

    def __call__(self, path):
        raise AssertionError("runs in the reading process only")

    def __reduce__(self):
        code = (
            "lambda path: __import__('os').abort() if path.name == 'bad.xyz' else "
            "__import__('looktwice.modalities.pointclouds.reading', fromlist=['read_cloud']).read_cloud(path)"
        )
        return eval, (code,)


_dies_on_bad = _Dies()
