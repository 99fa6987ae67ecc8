"""What a run of ``looktwice classify`` costs, and what the commands say of bad files; the model costs nothing here."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from looktwice.cli import app
from looktwice.core.errors import UsageError

TAXONOMY = """
category: plate
classes:
  pit: {description: A dark pit.}
  blob: {description: A bright blob.}
"""


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_run_that_is_started_again_asks_nothing_twice(server, inspector, plates, tmp_path, monkeypatch):
    monkeypatch.setattr("looktwice.pipeline.Inspector", lambda *_: inspector)
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
    assert "1 answers were no class of the taxonomy" in said
    assert len(server.requests) == 2
    third, _ = run(*flawed, normal / "000.png")
    # What could not be taken is asked again; what could is not.
    assert (third["calls"], third["cached"]) == (1, 1)


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
    assert "1 of 3 answers are no class of the taxonomy, as that to tile_oil_0" in good.stderr
    twice = published(command, '{"tile": {"normal": ["n"],\n"crack": ["a", "d"],\n"crack": ["crack", "d"]}}')
    assert twice.exit_code == 0, twice.output
    assert "line 3: 'crack' is named twice, first in line 2; this one counts" in twice.stderr
    none = published(command, '{"tile":\n{"normal": ["n"]}}')
    assert isinstance(none.exception, UsageError)
    assert "line 1: tile: a taxonomy needs at least one class" in str(none.exception)
