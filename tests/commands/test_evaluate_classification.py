"""``looktwice evaluate classification`` and ``severity``: on benchmark folders, and on published predictions."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app
from looktwice.commands.evaluate_classification import ClassifySystem
from looktwice.core.errors import UsageError
from looktwice.evaluation.classification_runner import ClassificationProtocol, run_classification
from looktwice.evaluation.sets import open_sets

from ..made_plates import TAXONOMY


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_pipeline_is_evaluated_with_confusion_figures(inspector, plates, tmp_path, monkeypatch):
    monkeypatch.setattr("looktwice.pipeline.Inspector", lambda *_, **__: inspector)
    (tmp_path / "t.yaml").write_text(TAXONOMY)
    call = ["--data", plates, "--taxonomy", tmp_path / "t.yaml", "--out", tmp_path / "out"]
    result = invoke("evaluate", "classification", *call)
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out" / "result.json").read_text())
    assert record["categories"]["plate"]["n"] == 10
    assert record["protocol"] == ClassificationProtocol().to_json()
    assert "of anomalous inputs detected" in result.stderr
    with Image.open(tmp_path / "out" / "confusion_plate.png") as picture:
        assert picture.size[0] > 200


def test_the_pipeline_is_run_on_a_folder_with_oracle_contours(inspector, taxonomy, plates):
    protocol = ClassificationProtocol(contours="oracle", examples=2)
    system = ClassifySystem(inspector, {"plate": taxonomy}, protocol)
    result = run_classification(open_sets([plates])[0], system, protocol)
    row = result["categories"]["plate"]
    assert row["n"] == 6  # two of each kind are examples and not tested
    assert set(row["labels"]) >= {"good", "pit", "blob"}
    assert row["accuracy"] >= 4 / 6
    low, high = row["ci95"]["accuracy"]
    assert low <= row["accuracy"] <= high
    assert row["found"] == 1.0  # outlines of the truth need no finding
    assert row["accuracy_of_flawed"] == pytest.approx((row["accuracy"] * 6 - 2 * (1 - row["false_alarms"])) / 4)
    assert set(row["ci95"]) == {"accuracy", "accuracy_of_flawed", "found", "false_alarms"}
    assert "predictions_oracle" in result
    assert "predictions_predicted" not in result
    assert set(result["predictions_oracle"]) <= {
        f"plate_{kind}_{n:03d}" for kind in ("good", "pit", "blob") for n in range(4)
    }
    assert result["summary"]["inputs"] == 6


def test_a_benchmark_needs_a_taxonomy_for_each_of_its_categories(inspector, taxonomy):
    system = ClassifySystem(inspector, {"nut": taxonomy, "bolt": taxonomy}, ClassificationProtocol())
    with pytest.raises(UsageError, match="no category plate"):
        system.classes_of("plate")
    assert (
        ClassifySystem(inspector, {"nut": taxonomy}, ClassificationProtocol()).classes_of("plate").category == "plate"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --predictions"),
        (["--data", "{plates}", "--contours", "drawn"], "--contours must be predicted or oracle"),
    ],
)
def test_calls_that_are_wrong(plates, tmp_path, arguments, message):
    (tmp_path / "t.yaml").write_text(TAXONOMY)
    filled = [argument.format(plates=plates) for argument in arguments]
    result = invoke("evaluate", "classification", "--taxonomy", tmp_path / "t.yaml", *filled)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


@pytest.fixture
def published(tmp_path):
    """Predictions in VELM's form, one of them no class, and a writer of taxonomies."""
    predictions = {"tile_good_0": "good", "tile_crack_0": "crack", "tile_oil_0": "I think it is oil."}
    (tmp_path / "p.json").write_text(json.dumps(predictions))

    def call(command, taxonomy):
        (tmp_path / "t.json").write_text(taxonomy)
        return invoke("evaluate", command, "--predictions", tmp_path / "p.json", "--taxonomy", tmp_path / "t.json")

    return call


@pytest.mark.parametrize("command", ["classification", "severity"])
def test_published_predictions_are_checked_and_what_is_no_class_is_counted(published, command):
    good = published(command, '{"tile": {"normal": ["n"], "crack": ["crack", "d"], "oil": ["oil stain", "d"]}}')
    assert good.exit_code == 0, good.output
    assert "1 of 3 answers do not name a class of the taxonomy, for example the answer to tile_oil_0" in good.stderr
    twice = published(command, '{"tile": {"normal": ["n"],\n"crack": ["a", "d"],\n"crack": ["crack", "d"]}}')
    assert twice.exit_code == 0, twice.output
    assert "line 3: 'crack' is defined twice, first in line 2; this one counts" in twice.stderr
    none = published(command, '{"tile":\n{"normal": ["n"]}}')
    assert isinstance(none.exception, UsageError)
    assert "line 1: tile: a taxonomy needs at least one class" in str(none.exception)
