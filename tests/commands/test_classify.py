"""``looktwice classify``, end to end on made plates, and what a run costs."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app
from looktwice.core.errors import UsageError

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
        "measured",
    )
    assert 0 < pit["region"]["share"] < 0.5
    assert (good["class"], good["verdict"], good["answered_by"], good["why"]) == ("good", "normal", None, None)
    assert "broken.png" in failed["error"]
    with Image.open(tmp_path / pit["study"] / "contour_predicted.png") as picture:
        assert picture.size == (96, 96)
    with Image.open(tmp_path / pit["study"] / "shown_predicted.png") as picture:
        assert picture.size == (448, 448)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["inputs"], summary["failed"], summary["normal"], summary["calls"]) == (3, 1, 1, 0)


def test_a_run_that_is_started_again_asks_nothing_twice(server, inspector, plates, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "looktwice.pipeline.Inspector", lambda *_, references, **__: inspector.comparing_with(references)
    )
    (tmp_path / "t.yaml").write_text(TAXONOMY)
    server.replies = ['{"reason": "dark", "class": "pit", "confidence": 0.8}', "something else"]
    flawed = [plates / "test" / "pit" / f"00{number}.png" for number in (1, 2)]
    normal = plates / "train" / "good"

    def run(*inputs):
        call = ["-t", tmp_path / "t.yaml", "--references", normal, "--llm", f"openai:m@{server.url}"]
        done = invoke("classify", *inputs, *call, "--cache", tmp_path / "kept", "-o", tmp_path / "out", "--json")
        assert done.exit_code == 0, done.output
        return json.loads((tmp_path / "out" / "summary.json").read_text()), done.stderr

    first, _ = run(flawed[0], normal / "000.png")
    assert (first["calls"], first["cached"], first["normal"]) == (1, 0, 1)
    assert first["tokens"] == {"prompt": 900, "answer": 30}
    assert first["seconds"] > 0
    again, said = run(*flawed, normal / "000.png")
    # The second flaw is asked about; its answer is no class of the taxonomy, and is counted.
    assert (again["calls"], again["cached"], again["normal"], again["unknown"]) == (1, 1, 1, 1)
    assert again["answers_not_taken"] == 1
    assert "1 answers did not name a class of the taxonomy" in said
    assert len(server.requests) == 2
    third, _ = run(*flawed, normal / "000.png")
    # What could not be taken is asked again; what could is not.
    assert (third["calls"], third["cached"]) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["classify", "{plate}", "-t", "nothing.yaml"], "cannot be read"),
        (["classify", "{plate}", "-t", "{root}/t.yaml", "--category", "nut"], "there is no category 'nut'"),
        (["classify", "{root}/absent", "-t", "{root}/t.yaml", "--references", "{root}"], "no such file"),
    ],
)
def test_calls_that_are_wrong(folder, arguments, message):
    filled = [argument.format(root=folder, plate=folder / "plate/test/pit/0.png") for argument in arguments]
    result = invoke(*filled)
    assert result.exit_code != 0
    assert message in str(result.exception) + result.output


@pytest.mark.parametrize("name", ["measured", "embedded"])
def test_the_measured_namer_may_still_be_called_embedded(folder, name):
    flawed, references = folder / "plate/test/pit/0.png", folder / "plate/train/good"
    call = ["-t", folder / "t.yaml", "--references", references, "--llm", name, "--json"]
    result = invoke("classify", flawed, *call)
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert (record["class"], record["answered_by"]) == ("pit", "measured")


def test_a_name_of_nobody_is_refused_with_all_names(folder):
    result = invoke("classify", folder / "plate/test/pit/0.png", "-t", folder / "t.yaml", "--llm", "gpt")
    assert isinstance(result.exception, UsageError)
    assert "there is no namer named 'gpt'; choose from measured, measured:smollm2, openai:MODEL@URL" in str(
        result.exception
    )


def test_help_names_the_namers_without_importing_them():
    code = (
        "import sys; from typer.testing import CliRunner; from looktwice.cli import app;"
        "out = CliRunner().invoke(app, ['classify', '--help'], terminal_width=200).output;"
        "assert 'measured:smollm2' in out and 'openai:MODEL@URL' in out, out;"
        "assert not {'torch', 'transformers', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=120)
