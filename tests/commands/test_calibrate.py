"""``looktwice calibrate``: a folder of normal pictures in, an expert with fewer false alarms out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app
from looktwice.pipeline import Inspector


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(5)
    for number in range(count):
        Image.fromarray(rng.integers(60, 200, (96, 96, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def test_the_new_expert_raises_the_chosen_share_of_alarms(tmp_path):
    normal, out = pictures(tmp_path / "normal ones", 12), tmp_path / "site.safetensors"
    call = ["calibrate", "--normal", str(normal), "--out", str(out), "--false-alarms", "0.2", "--json"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["normals"], said["modality"]) == (12, "image")
    site = Inspector(str(out))
    scores = [site.look(path).result.score for path in sorted(normal.iterdir())]
    assert 1 <= sum(score >= 0.5 - 1e-6 for score in scores) <= 3


def test_too_few_normals_are_refused(tmp_path):
    call = ["calibrate", "--normal", str(pictures(tmp_path / "n", 3)), "--out", str(tmp_path / "s.safetensors")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code != 0
    assert not (tmp_path / "s.safetensors").exists()
