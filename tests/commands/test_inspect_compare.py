"""``inspect --references`` and ``--cohort``: inputs beside others of their kind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open3d as o3d
import pytest
import skimage.data
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app
from looktwice.core.errors import UsageError


@pytest.fixture(scope="module")
def walls(tmp_path_factory) -> Path:
    """Crops of one brick wall: six normal ones, and three more, of which ``odd.png`` has a bright patch."""
    root, wall = tmp_path_factory.mktemp("brick walls"), skimage.data.brick()
    for number in range(9):
        top, left = divmod(number, 3)
        crop = np.repeat(wall[top * 120 : top * 120 + 256, left * 120 : left * 120 + 256, None], 3, axis=2).copy()
        name = f"normal/{number}.png" if number < 6 else ("seen/odd.png" if number == 7 else f"seen/{number}.png")
        if number == 7:
            crop[100:140, 60:110] = (250, 240, 120)
        (root / name).parent.mkdir(exist_ok=True)
        Image.fromarray(crop).save(root / name)
    return root


@pytest.fixture(scope="module")
def rings(tmp_path_factory) -> Path:
    """Four scans of one ring; ``odd.xyz`` has a dent."""
    root, mesh = tmp_path_factory.mktemp("rings"), o3d.geometry.TriangleMesh.create_torus(1.0, 0.4, 80, 50)
    for number, name in enumerate(["a", "b", "c", "odd"]):
        o3d.utility.random.seed(number)
        points = np.asarray(mesh.sample_points_uniformly(8_000).points)
        if name == "odd":
            apart = np.linalg.norm(points - (1.4, 0, 0), axis=1)
            points -= 0.2 * np.exp(-((apart / 0.15) ** 2))[:, None] * (1, 0, 0)
        np.savetxt(root / f"{name}.xyz", points, fmt="%.5f")
    return root


def run(*call: str) -> list[dict]:
    done = CliRunner().invoke(app, ["inspect", *call, "--json", "--llm", "template"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def scores(result: dict) -> dict[str, float]:
    return {finding["name"]: finding["score"] for finding in result["findings"]}


def test_beside_references_the_odd_one_is_the_worst_and_is_found(walls, tmp_path):
    results = run(str(walls / "seen"), "--references", str(walls / "normal"), "--out", str(tmp_path))
    worst = max(results, key=lambda result: result["score"])
    assert worst["study"].startswith("odd-")
    assert scores(worst)["references"] > 0.9
    row, column = worst["regions"][0]["centroid"]
    assert 70 <= row <= 170
    assert 30 <= column <= 140


def test_in_a_cohort_the_odd_one_is_the_worst(walls, tmp_path):
    results = run(str(walls / "seen"), str(walls / "normal"), "--cohort", "--out", str(tmp_path))
    assert len(results) == 9
    assert max(results, key=lambda result: result["score"])["study"].startswith("odd-")
    assert all("cohort" in scores(result) for result in results)


def test_clouds_are_compared_with_each_other(rings, tmp_path):
    results = run(str(rings), "--cohort", "--no-explain", "--out", str(tmp_path))
    assert max(results, key=lambda result: scores(result)["cohort"])["study"].startswith("odd-")


def test_what_has_no_reference_of_its_kind_says_so(rings, walls, tmp_path):
    (result,) = run(str(rings / "a.xyz"), "--references", str(walls / "normal"), "--no-explain", "--out", str(tmp_path))
    assert "references" not in scores(result)
    assert any("not compared" in note for note in result["notes"])


@pytest.mark.parametrize("call", [["--cohort"], ["--references", "one"], ["--references", "all", "--cohort"]])
def test_what_cannot_be_compared_is_a_wrong_call(walls, tmp_path, call):
    places = {"one": str(walls / "normal" / "0.png"), "all": str(walls / "normal")}
    call = [places.get(word, word) for word in call]
    done = CliRunner().invoke(app, ["inspect", str(walls / "seen" / "odd.png"), *call, "--out", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
