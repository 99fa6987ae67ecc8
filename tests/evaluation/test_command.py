from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from looktwice.commands.evaluate import app
from looktwice.core.errors import InputError, UsageError
from looktwice.core.result import Failure


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def pipeline(monkeypatch):
    """An inspector that reads brightness; how it was opened is recorded."""
    opened = []

    class Brightness:
        threshold = 0.6

        def examine(self, paths):
            for path in paths:
                try:
                    values = np.asarray(Image.open(path).convert("L"), np.float32) / 255
                except OSError:
                    yield Failure(str(path), InputError("cannot be read"))
                    continue
                result = SimpleNamespace(score=float(values.max()), heatmap=SimpleNamespace(values=values))
                yield SimpleNamespace(result=result, views=(None, None))

    def open_inspector(model, device, references, cohort, exclude):
        opened.append((model, device, cohort, references, exclude))
        return Brightness()

    monkeypatch.setattr("looktwice.commands.evaluate._open_inspector", open_inspector)
    return opened


@pytest.fixture
def tiles(tmp_path):
    root = tmp_path / "tiles"
    for folder, level in (("train/good", 90), ("test/good", 90), ("test/crack", 200)):
        (root / folder).mkdir(parents=True)
        for index in range(3):
            Image.fromarray(np.full((8, 8), level + index, np.uint8)).save(root / folder / f"{index}.png")
    return root


def test_references_are_drawn_as_often_as_asked(pipeline, tiles):
    result = invoke("detection", "--data", tiles, "--references", 2, "--draws", 6, "--seed", 1, "--json")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["sets"]
    assert [draw["seed"] for draw in row["draws"]] == [1, 2, 3, 4, 5, 6]
    assert len({references for *_, references, _ in pipeline}) > 1
    table = invoke("detection", "--data", tiles, "--references", 2, "--draws", 3).stdout
    assert "1.000 to 1.000 in 3 draws" in table


def test_draws_without_references_are_refused(pipeline, tiles):
    result = invoke("detection", "--data", tiles, "--draws", 3)
    assert isinstance(result.exception, UsageError)
    assert not pipeline


def test_detection_prints_one_object(pipeline, tiles, tmp_path):
    out = tmp_path / "new/result.json"
    done = invoke("detection", "--data", tiles, "--json", "--out", out)
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["sets"][0]["name"] == "tiles"
    assert result["mean"]["image_auroc"] == 1.0
    assert result["sets"][0]["pixel_auroc"] is None
    assert json.loads(out.read_text()) == result
    assert [path.name for path in out.parent.iterdir()] == ["result.json"]
    assert pipeline == [("nano", "auto", (), (), None)]


def test_detection_hands_references_and_the_left_out_set_to_the_pipeline(pipeline, tiles):
    done = invoke("detection", "--data", tiles, "--references", 2, "--leave-out", "--model", "m", "--device", "cpu")
    assert done.exit_code == 0, done.output
    ((model, device, cohort, references, exclude),) = pipeline
    assert (model, device, cohort, exclude) == ("m", "cpu", (), "tiles")
    assert len(references) == 2
    assert "1.000 [1.00, 1.00]" in done.stdout


def test_detection_exit_status_says_that_some_failed(pipeline, tiles, tmp_path):
    (tiles / "test/good/0.png").write_bytes(b"")
    done = invoke("detection", "--data", tiles, "--data", tmp_path / "none", "--json")
    assert done.exit_code == 1
    result = json.loads(done.stdout)
    assert result["left_out"][0]["input"] == str(tmp_path / "none")
    assert result["sets"][0]["left_out"][0]["error"] == "cannot be read"
    assert "0.png" in done.stderr


def test_nothing_to_evaluate_is_a_wrong_call(pipeline, tmp_path):
    assert isinstance(invoke("detection", "--data", tmp_path).exception, UsageError)
    assert pipeline == []


def test_scores(tmp_path):
    (tmp_path / "s.csv").write_text("category,label,image_score\na,0,0.1\na,1,0.7\n")
    done = invoke("scores", "--scores", tmp_path / "s.csv", "--json")
    assert json.loads(done.stdout)["mean"]["image_auroc"] == 1.0
    assert "1.0000" in invoke("scores", "--scores", tmp_path / "s.csv").stdout


def test_classification_and_severity(tmp_path):
    (tmp_path / "t.json").write_text('{"metal_nut": {"normal": ["n"], "bent": ["Bent edge", "d"]}}')
    (tmp_path / "p.json").write_text('{"metal_nut_bent_0": "bent edge", "metal_nut_good_0": "good"}')
    files = ("--predictions", tmp_path / "p.json", "--taxonomy", tmp_path / "t.json")
    done = invoke("classification", *files, "--out", tmp_path / "figures", "--json")
    assert json.loads(done.stdout)["mean"]["accuracy"] == 1.0
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["confusion_metal_nut.png", "result.json"]
    done = invoke("severity", *files, "--json")
    assert json.loads(done.stdout)["categories"]["metal_nut"]["normal"] == 1.0


def test_reasoning(tmp_path):
    (tmp_path / "p").write_text('{"id": "1", "answer": "Yes, a crack."}')
    (tmp_path / "r").write_text('{"id": "1", "answer": "Yes, a crack.", "label": 1}\n{"id": "2", "answer": "No."}')
    done = invoke("reasoning", "--predictions", tmp_path / "p", "--references", tmp_path / "r", "--json")
    assert done.exit_code == 1, "one reference has no answer"
    result = json.loads(done.stdout)
    assert result["mean"]["rouge_l"] == 1.0
    assert result["unanswered"] == ["2"]


def test_transfer(tmp_path):
    (tmp_path / "r.json").write_text('{"mean": {"image_auroc": 0.8}, "sets": []}')
    done = invoke("transfer", "--cell", f"all,3D={tmp_path / 'r.json'}", "--figure", tmp_path / "f.png", "--json")
    assert json.loads(done.stdout)["values"] == [[0.8]]
    assert (tmp_path / "f.png").stat().st_size > 1000


def test_help_needs_no_torch(tmp_path):
    code = (
        "import sys; from typer.testing import CliRunner; from looktwice.commands.evaluate import app;"
        "assert CliRunner().invoke(app, ['detection', '--help']).exit_code == 0;"
        "assert not {'torch', 'sklearn', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
