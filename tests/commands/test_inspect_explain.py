from __future__ import annotations

import json

import pytest
import skimage.data
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app

pytestmark = pytest.mark.slow


@pytest.fixture
def inspect(tmp_path):
    Image.fromarray(skimage.data.brick()).save(tmp_path / "brick.png")

    def run(*options: str) -> dict:
        call = ["inspect", str(tmp_path / "brick.png"), "--out", str(tmp_path / "out"), "--json", *options]
        done = CliRunner().invoke(app, call)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return run


# A threshold at either end decides the verdict, whatever the score.
def test_the_language_model_explains_what_is_found_and_the_template_what_is_not(inspect):
    found, normal = inspect("--threshold", "0"), inspect("--threshold", "1")
    assert (found["answer"]["kind"], normal["answer"]["kind"]) == ("embedded", "template")
    assert found["explanation"].startswith("Yes, ")


def test_a_question_is_the_language_models_and_the_template_may_be_asked_for(inspect):
    assert inspect("--threshold", "1", "--ask", "Is anything wrong?")["answer"]["kind"] == "embedded"
    assert inspect("--threshold", "0", "--llm", "template")["answer"]["kind"] == "template"
