"""The command line as a user or a program meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import open3d as o3d
import pytest
import skimage.data
from PIL import Image

LOOKTWICE = [str(Path(sys.executable).with_name("looktwice"))]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LOOKTWICE, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300)


def bad_inputs(folder: Path) -> dict[str, Path]:
    """Inputs that cannot be used, by what is wrong with them."""
    bad = {name: folder / name for name in ("truncated.png", "empty.png", "notes.txt", "flat.png", "missing.png")}
    picture = folder / "whole.png"
    Image.fromarray(skimage.data.brick()).save(picture)
    bad["truncated.png"].write_bytes(picture.read_bytes()[:2000])
    picture.unlink()
    bad["empty.png"].touch()
    bad["notes.txt"].write_text("nothing to see here\n")
    Image.new("RGB", (64, 64), "grey").save(bad["flat.png"])
    bad["nan.nii.gz"] = folder / "nan.nii.gz"
    nib.save(nib.Nifti1Image(np.full((20, 20, 20), np.nan, np.float32), np.eye(4)), bad["nan.nii.gz"])
    bad["truncated.nii.gz"] = folder / "truncated.nii.gz"
    nib.save(
        nib.Nifti1Image(np.random.default_rng(0).random((40, 40, 40)).astype(np.float32), np.eye(4)),
        folder / "v.nii.gz",
    )
    bad["truncated.nii.gz"].write_bytes((folder / "v.nii.gz").read_bytes()[:5000])
    (folder / "v.nii.gz").unlink()
    bad["one.ply"] = folder / "one.ply"
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(np.zeros((1, 3))))
    o3d.io.write_point_cloud(str(bad["one.ply"]), cloud, write_ascii=True)
    if os.geteuid() != 0:
        bad["locked.png"] = folder / "locked.png"
        Image.fromarray(skimage.data.brick()).save(bad["locked.png"])
        bad["locked.png"].chmod(0)
    return bad


def test_bad_inputs_are_named_and_the_rest_is_done(tmp_path):
    folder = tmp_path / "in puts é"
    folder.mkdir()
    bad = bad_inputs(folder)
    good = folder / "good one.png"
    Image.fromarray(skimage.data.brick()).save(good)
    done = run("inspect", *bad.values(), good, "--out", tmp_path / "out", "--json", "--llm", "template")
    assert done.returncode == 1, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == len(bad) + 1
    errors = {record["input"]: record["error"] for record in records if "error" in record}
    assert set(errors) == {str(path) for path in bad.values()}
    assert all("\n" not in message and message for message in errors.values())
    assert "Traceback" not in done.stderr
    assert sum(line.startswith("error:") for line in done.stderr.splitlines()) == len(bad)
    (record,) = (record for record in records if "error" not in record)
    assert record["study"].startswith("good one-")
    assert (tmp_path / "out" / record["study"] / "report.html").exists()
    written = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert sorted(json.dumps(one) for one in written) == sorted(json.dumps(one) for one in records)


def test_folder_of_inputs_and_table(tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    for name in ("a.png", "b.jpg"):
        Image.fromarray(skimage.data.brick()).save(folder / name)
    (folder / "readme.txt").write_text("not an input")
    done = run("inspect", folder, "--out", tmp_path / "out", "--no-explain")
    assert done.returncode == 0, done.stderr
    assert "1 other file passed over" in done.stderr
    (study,) = (tmp_path / "out").glob("a-*")
    names = {path.name[:2] for path in (tmp_path / "out").iterdir()}
    assert names == {"a-", "b-", "re", "in"}
    assert "verdict" in done.stdout
    record = json.loads((study / "report.json").read_text())
    assert record["explanation"] is None
    assert record["answer"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect",),
        ("inspect", "x.png", "--model", "no-such-model"),
        ("inspect", "x.png", "--window", "lungs"),
        ("inspect", "x.png", "--planes", "some"),
        ("inspect", "x.png", "--unit", "ell"),
        ("inspect", "x.png", "--references", "nowhere"),
        ("inspect", "x.png", "--out", "/dev/null/out"),
        ("inspect", "x.png", "--threshold", "1.5"),
        ("inspect", "x.png", "--device", "abacus"),
        ("models", "show", "no-such-model"),
        ("no-such-command",),
    ],
)
def test_wrong_calls_exit_with_2(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_doctor_and_models(tmp_path):
    report = json.loads(run("doctor", "--json").stdout)
    assert report["weights"]["nano"] is True
    assert report["packages"]["torch"]
    listed = [json.loads(line) for line in run("models", "list", "--json").stdout.splitlines()]
    assert any(model["name"] == "nano" and not model["missing"] for model in listed)


def test_debug_shows_the_traceback():
    done = run("--debug", "inspect", "x.png", "--model", "no-such-model")
    assert "Traceback" in done.stderr
    assert done.returncode == 2
