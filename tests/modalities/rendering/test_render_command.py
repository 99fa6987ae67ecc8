import json

import numpy as np
import open3d as o3d
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from looktwice.commands.render import render
from looktwice.core.errors import UsageError


@pytest.fixture
def app():
    app = typer.Typer()
    app.command()(render)
    return app


@pytest.fixture
def cloud(tmp_path):
    path = tmp_path / "ein Würfel.ply"
    mesh = o3d.geometry.TriangleMesh.create_torus()
    o3d.io.write_triangle_mesh(str(path), mesh)
    return path


def test_writes_the_views_and_says_so(app, cloud, tmp_path):
    out = tmp_path / "out 1"
    result = CliRunner().invoke(app, [str(cloud), "--out", str(out), "--views", "4", "--json"])
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    record = json.loads(line)
    names = [view["files"]["shaded"] for view in record["views"]]
    assert sorted(names) == sorted(path.name for path in out.iterdir())
    assert names[0] == "view_01_from_the_front.png"
    picture = np.asarray(Image.open(out / names[0]))
    assert picture.shape == (336, 336, 3)
    assert record["points"] == 600


def test_both_back_ends_write_the_same_names(app, cloud, tmp_path):
    written = {}
    for backend in ("open3d", "numpy"):
        out = tmp_path / backend
        arguments = [str(cloud), "--out", str(out), "--backend", backend, "--views", "3", "--channel", "depth"]
        assert CliRunner().invoke(app, arguments).exit_code == 0
        written[backend] = {path.name: np.asarray(Image.open(path)).astype(int) for path in out.iterdir()}
    assert written["open3d"].keys() == written["numpy"].keys()
    for name, picture in written["open3d"].items():
        assert np.abs(picture - written["numpy"][name]).mean() < 1


def test_a_table_for_people(app, cloud, tmp_path):
    result = CliRunner().invoke(app, [str(cloud), "--out", str(tmp_path / "o"), "--views", "2"])
    assert result.exit_code == 0
    assert "from the back" in result.stdout


def test_a_bad_input_costs_one_line(app, tmp_path):
    bad = tmp_path / "bad.ply"
    bad.write_bytes(b"ply\nnonsense")
    result = CliRunner().invoke(app, [str(bad), "--out", str(tmp_path / "o"), "--json"])
    assert result.exit_code == 1
    assert "bad.ply" in json.loads(result.stdout.splitlines()[0])["error"]


def test_a_wrong_channel_is_a_wrong_call(app, cloud, tmp_path):
    result = CliRunner().invoke(app, [str(cloud), "--out", str(tmp_path), "--channel", "x-ray"])
    assert isinstance(result.exception, UsageError)
