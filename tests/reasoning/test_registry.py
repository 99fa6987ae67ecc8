"""Reasoners are found by the names of their files, and one is added as a single file."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import skimage.data
from PIL import Image

from looktwice.core.discovery import find_parts
from looktwice.core.errors import UsageError, WeightsError
from looktwice.reasoning.registry import open_reasoner, reasoner_help
from looktwice.reasoning.remote.reasoner import RemoteReasoner
from looktwice.reasoning.template import TemplateReasoner

from ..plugin_folder import add_plugins

HAIKU = """
from looktwice.core.answer import Answer

ABOUT = "seventeen syllables about what was found"
AUTHOR = "Written by a poet."
SPECS = ("haiku[:loud]",)


class Poet:
    def __init__(self, loud):
        self.loud = loud

    def explain(self, question, context, history=(), on_text=None):
        text = f"An old silent pond: {context.result.verdict}"
        return Answer(text.upper() if self.loud else text, "haiku", {"lines": 1}, AUTHOR)


def open(spec, *, encoder, allow_remote, device, max_visual_tokens):
    return Poet(spec.endswith(":loud"))
"""


@pytest.fixture
def context(context_of):
    maps = np.full((1, 30, 30), 0.1)
    maps[0, 2:8, 1:7] = 0.9
    return context_of(maps)


@pytest.fixture
def haiku(tmp_path, monkeypatch):
    folder = tmp_path / "plug ins" / "reasoning"
    folder.mkdir(parents=True)
    (folder / "haiku.py").write_text(HAIKU, encoding="utf-8")
    add_plugins(monkeypatch, folder.parent)
    yield folder
    sys.modules.pop("looktwice.reasoning.haiku", None)


def test_reasoners_open_by_name(context):
    template = open_reasoner("template", encoder=None)
    assert isinstance(template, TemplateReasoner)
    pieces: list[str] = []
    answer = template.explain("Is it?", context, on_text=pieces.append)
    assert (answer.kind, pieces) == ("template", [answer.text])
    assert isinstance(open_reasoner("openai:m@http://localhost:1", encoder=None), RemoteReasoner)


@pytest.mark.parametrize(
    "name", ["gpt", "Template", "template ", "onevision-7b:8bit", "onevision-70b", "onevision-0x5b"]
)
def test_an_unknown_name_is_told_with_those_there_are(name):
    choices = "auto, embedded, onevision-0.5b[:4bit], onevision-7b[:4bit], openai:MODEL@URL, template"
    with pytest.raises(UsageError) as refused:
        open_reasoner(name, encoder=None)
    assert str(refused.value) == f"there is no reasoner named {name!r}; choose from {choices}"


@pytest.mark.parametrize("name", ["openai:", "openai:llava", "openai:llava@ftp://x"])
def test_what_is_filled_in_is_checked_by_the_reasoner_itself(name):
    with pytest.raises(UsageError, match="not openai:MODEL@URL, such as"):
        open_reasoner(name, encoder=None)


@pytest.mark.parametrize("name", ["onevision-0.5b", "onevision-7b", "onevision-7b:4bit"])
def test_onevision_says_what_is_missing_and_fetches_nothing(name, monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setenv("LOOKTWICE_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    size = name.removesuffix(":4bit")
    with pytest.raises(WeightsError, match=f"weights of {size} are missing: .*models pull {size}.*pretrained_expert"):
        open_reasoner(name, encoder=None)


def test_every_reasoner_that_writes_itself_has_an_author():
    authors = {name: part.constant("AUTHOR") for name, part in find_parts("reasoning", "ABOUT").items()}
    assert [name for name, author in authors.items() if author is None] == ["auto"]


def test_the_help_is_composed_without_importing_a_reasoner(tmp_path):
    code = """
import sys
from looktwice.reasoning.registry import reasoner_help
print(reasoner_help())
assert not [name for name in sys.modules if name.startswith("looktwice.reasoning.") and "registry" not in name]
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == reasoner_help()
    assert "template (fixed words around the measured values)" in done.stdout


def test_a_single_file_adds_a_reasoner(haiku, context):
    assert "haiku[:loud] (seventeen syllables about what was found)" in reasoner_help()
    answer = open_reasoner("haiku", encoder=None).explain(None, context)
    assert (answer.text, answer.author) == ("An old silent pond: anomalous", "Written by a poet.")
    assert answer.to_json() == {"kind": "haiku", "lines": 1}
    assert open_reasoner("haiku:loud", encoder=None).explain(None, context).text == "AN OLD SILENT POND: ANOMALOUS"


def looktwice(*arguments: str, folder) -> str:
    """Run the command in a process of its own, as help texts are composed when it starts."""
    code = "import sys; from looktwice.cli import main; sys.argv[0] = 'looktwice'; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_takes_the_added_reasoner(haiku, tmp_path):
    assert "seventeen syllables about what was found" in looktwice("inspect", "--help", folder=tmp_path)
    Image.fromarray(skimage.data.brick()).save(tmp_path / "brick.png")
    said = json.loads(looktwice("inspect", "brick.png", "--llm", "haiku", "--json", folder=tmp_path))
    assert said["explanation"] == f"An old silent pond: {said['verdict']}"
    assert said["answer"] == {"kind": "haiku", "lines": 1}
    report = tmp_path / "looktwice-out" / said["study"] / said["artifacts"]["report"]
    assert "Written by a poet." in report.read_text(encoding="utf-8")
