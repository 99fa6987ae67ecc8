"""A source of evidence is one file: it moves inspect, evaluate and classify alike, for every kind of input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import open3d as o3d
import pytest
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app
from looktwice.evidence.base import Context
from looktwice.evidence.sources import find_sources, in_order

from ..plugin_folder import add_plugins

SOURCE = '''
"""Says of everything that it is an anomaly."""

import numpy as np

from looktwice.core.finding import Finding

NAME = "alarm"
TITLE = "Alarmed by everything"


def fits(study):
    return True


def look(study, tokens, context):
    heat = np.full((len(study.views()), 4, 4), 0.995, np.float32)
    return Finding(NAME, logit=5.0, heat=heat, join="max", notes=("everything alarms this source",))
'''


@pytest.fixture
def alarm(tmp_path, monkeypatch):
    """One more source, as a single file in a folder of its own."""
    folder = tmp_path / "plugins" / "evidence"
    folder.mkdir(parents=True)
    (folder / "alarm.py").write_text(SOURCE)
    add_plugins(monkeypatch, folder.parent)
    yield
    sys.modules.pop("looktwice.evidence.alarm", None)


def make_image(path: Path, seed: int) -> Path:
    Image.fromarray(np.random.default_rng(seed).integers(100, 140, (64, 64, 3), np.uint8)).save(
        path.with_suffix(".png")
    )
    return path.with_suffix(".png")


def make_volume(path: Path, seed: int) -> Path:
    grid = np.stack(np.meshgrid(*[np.arange(24) - 11.5] * 3, indexing="ij"))
    grain = np.random.default_rng(seed).normal(0, 5, (24, 24, 24))
    data = np.where(np.linalg.norm(grid, axis=0) < 9, 100 + grain, 0).astype(np.float32)
    path = path.with_suffix(".nii.gz")
    nib.save(nib.Nifti1Image(data, np.diag([4.0, 4.0, 4.0, 1.0])), path)
    return path


def make_pointcloud(path: Path, seed: int) -> Path:
    o3d.utility.random.seed(seed)
    cloud = o3d.geometry.TriangleMesh.create_torus(1.0, 0.4, 60, 40).sample_points_uniformly(3_000)
    o3d.io.write_point_cloud(str(path.with_suffix(".ply")), cloud)
    return path.with_suffix(".ply")


@pytest.fixture(params=["image", "volume", "pointcloud"])
def benchmark(request, tmp_path) -> Path:
    """A category in the MVTec AD layout with one normal and one anomalous input."""
    make = {"image": make_image, "volume": make_volume, "pointcloud": make_pointcloud}[request.param]
    for number, kind in enumerate(("good", "bad")):
        folder = tmp_path / "parts" / "test" / kind
        folder.mkdir(parents=True)
        make(folder / "000", number)
    (tmp_path / "parts" / "train" / "good").mkdir(parents=True)
    make(tmp_path / "parts" / "train" / "good" / "000", 9)
    return tmp_path / "parts"


def run(*call: str) -> list[dict]:
    done = CliRunner().invoke(app, [*call, "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def taxonomy_file(folder: Path) -> str:
    path = folder / "taxonomy.yaml"
    path.write_text("category: part\nnormal: A part.\nclasses:\n  flaw: {description: A flaw.}\n")
    return str(path)


def test_one_file_moves_inspect_evaluate_and_classify_alike(benchmark, alarm, tmp_path):
    [inspected] = run("inspect", str(benchmark / "test" / "good"), "--llm", "template", "--out", str(tmp_path / "out"))
    assert {"name": "alarm", "score": pytest.approx(0.9933, abs=1e-3)} in inspected["findings"]
    assert inspected["score"] >= 0.993
    assert "everything alarms this source" in inspected["notes"]
    [report] = (tmp_path / "out").glob("*/report.html")
    assert "Alarmed by everything" in report.read_text()

    [classified] = run("classify", str(benchmark / "test" / "good"), "--taxonomy", taxonomy_file(tmp_path))
    assert classified["score"] == pytest.approx(inspected["score"], abs=1e-6)
    assert classified["verdict"] == inspected["verdict"] == "anomalous"

    out = tmp_path / "figures.json"
    [evaluated] = run("evaluate", "detection", "--data", str(benchmark), "--out", str(out), "--pixel-side", "64")
    assert evaluated["sets"][0]["balanced_accuracy"] == 0.5  # all is called anomalous: the good one is, too
    assert evaluated["sets"][0]["n_normal"] == 1


def test_sources_stand_behind_those_whose_findings_they_want():
    names = [source.NAME for source in find_sources()]
    assert set(names) == {
        "asymmetry", "cohort", "geometry", "golden_template", "ltfm", "outlined_examples", "references",
        "selection", "self_reference", "tissue",
    }  # fmt: skip
    assert names.index("asymmetry") > names.index("tissue")


def test_wishes_that_go_round_in_a_circle_end():
    class One:
        NAME, AFTER = "one", ("two",)

    class Two:
        NAME, AFTER = "two", ("one",)

    assert {source.NAME for source in in_order([One, Two])} == {"one", "two"}


def test_every_source_says_what_it_is(expert):
    context = Context(expert)
    assert context.calibration("nothing") is None
    for source in find_sources():
        assert source.TITLE
        assert source.__doc__
