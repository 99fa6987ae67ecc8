"""``looktwice classify`` and ``looktwice evaluate classification --data``, end to end on made plates."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app

TAXONOMY = """
category: plate
normal: An even grey plate.
classes:
  pit: {description: A dark pit.}
  blob: {description: A bright blob., severity: negligible}
"""


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A benchmark of plates: normal ones, dark pits and bright blobs."""
    root = tmp_path_factory.mktemp("größe 1")
    (root / "t.yaml").write_text(TAXONOMY, encoding="utf-8")
    rng = np.random.default_rng(0)
    plan = {"train/good": (None, 4), "test/good": (None, 1), "test/pit": (0, 2), "test/blob": (255, 2)}
    for place, (tone, count) in plan.items():
        target = root / "plate" / place
        target.mkdir(parents=True)
        for number in range(count):
            image = rng.normal(120, 4, (96, 96, 3)).clip(0, 255).astype(np.uint8)
            if tone is not None:
                image[30:60, 40:70] = tone
            Image.fromarray(image).save(target / f"{number}.png")
    return root


def test_json_lines_contours_and_summary(folder, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    flawed, normal = folder / "plate/test/pit/0.png", folder / "plate/train/good/0.png"
    references = folder / "plate/train/good"
    result = invoke(
        "classify",
        flawed,
        normal,
        broken,
        "-t",
        folder / "t.yaml",
        "--references",
        references,
        "-o",
        tmp_path,
        "--json",
    )
    assert result.exit_code == 1, result.output
    pit, good, failed = [json.loads(line) for line in result.stdout.splitlines()]
    assert (pit["class"], pit["severity"], pit["contours"], pit["answered_by"]) == (
        "pit",
        "defect",
        "predicted",
        "embedded",
    )
    assert 0 < pit["region"]["share"] < 0.5
    assert (good["class"], good["verdict"], good["answered_by"], good["why"]) == ("good", "normal", None, None)
    assert "broken.png" in failed["error"]
    with Image.open(tmp_path / "0" / "contour_predicted.png") as picture:
        assert picture.size == (96, 96)
    with Image.open(tmp_path / "0" / "shown_predicted.png") as picture:
        assert picture.size == (448, 448)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["inputs"], summary["failed"], summary["normal"], summary["calls"]) == (3, 1, 1, 0)


def test_the_pipeline_is_evaluated_with_confusion_figures(folder, tmp_path):
    result = invoke(
        "evaluate", "classification", "--data", folder / "plate", "--taxonomy", folder / "t.yaml", "--out", tmp_path
    )
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "result.json").read_text())
    assert record["categories"]["plate"]["n"] == 5
    assert record["protocol"]["contours"] == "predicted"
    with Image.open(tmp_path / "confusion_plate.png") as picture:
        assert picture.size[0] > 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["classify", "{plate}", "-t", "nothing.yaml"], "cannot be read"),
        (["classify", "{plate}", "-t", "{root}/t.yaml", "--category", "nut"], "there is no category 'nut'"),
        (["classify", "{root}/absent", "-t", "{root}/t.yaml", "--references", "{root}"], "no picture"),
        (["evaluate", "classification", "--taxonomy", "{root}/t.yaml"], "either --predictions"),
    ],
)
def test_calls_that_are_wrong(folder, arguments, message):
    filled = [argument.format(root=folder, plate=folder / "plate/test/pit/0.png") for argument in arguments]
    result = invoke(*filled)
    assert result.exit_code != 0
    assert message in str(result.exception) + result.output
