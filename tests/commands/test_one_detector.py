"""What ``inspect`` and ``classify`` say of the same inputs beside the same references is the same."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from looktwice.cli import app


def run(*call: str) -> list[dict]:
    done = CliRunner().invoke(app, [*map(str, call), "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_no_verdict_differs(inspector, plates, taxonomy, tmp_path):
    (tmp_path / "taxonomy.json").write_text(taxonomy.model_dump_json())
    inputs = sorted((plates / "test").glob("*/*.png"))
    options = [
        "--references", plates / "train" / "good",
        "--model", tmp_path / "silent.safetensors", "--device", "cpu",
    ]  # fmt: skip
    inspected = run("inspect", *inputs, *options, "--no-explain", "--out", tmp_path / "out")
    classified = run("classify", *inputs, *options, "--taxonomy", tmp_path / "taxonomy.json")
    assert len(inspected) == len(classified) == len(inputs)
    for one, other in zip(inspected, classified, strict=True):
        assert other["score"] == pytest.approx(one["score"], abs=1e-6)
        assert other["verdict"] == one["verdict"]
    assert {one["verdict"] for one in inspected} == {"normal", "anomalous"}


def test_classify_takes_the_options_of_inspect():
    shared = {"--window", "--planes", "--channel", "--unit", "--case", "--cohort", "--medical", "--threshold"}
    for command in ("inspect", "classify"):
        done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
        assert not {option for option in shared if option not in done.output}, command
