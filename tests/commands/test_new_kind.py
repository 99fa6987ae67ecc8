"""A kind of input that is added as one folder is inspected from the command line like those that ship."""

from __future__ import annotations

import json

import numpy as np
from typer.testing import CliRunner

from looktwice.cli import app


def test_a_new_kind_is_inspected_and_exported(grid_kind, inspector, tmp_path):
    path = grid_kind.make(tmp_path / "table.grid")
    call = [
        "inspect", path, "--model", tmp_path / "silent.safetensors", "--device", "cpu", "--llm", "template",
        "--option", "gain=1.2", "--export", "txt", "--out", tmp_path / "out", "--json",
    ]  # fmt: skip
    done = CliRunner().invoke(app, [str(word) for word in call])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["modality"] == "grid"
    assert result["explanation"]
    folder = tmp_path / "out" / result["study"]
    assert np.load(folder / result["artifacts"]["heatmap"]).shape == np.loadtxt(folder / "heatmap.txt").shape
    assert "table" in (folder / "report.html").read_text()


def test_its_options_are_checked(grid_kind, inspector, tmp_path):
    path = grid_kind.make(tmp_path / "table.grid")
    model = str(tmp_path / "silent.safetensors")
    for option, words in (("gian=2", "no option 'gian'"), ("gain", "NAME=VALUE")):
        done = CliRunner().invoke(app, ["inspect", str(path), "--model", model, "--option", option, "--json"])
        assert done.exit_code == 1
        assert words in str(done.exception)
