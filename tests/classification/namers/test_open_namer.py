"""Namers are found by the names of their files, those of plugins too."""

from __future__ import annotations

import pytest

from looktwice.classification.namers import DEFAULT, namer_help, open_namer
from looktwice.classification.namers.endpoint import EndpointNamer
from looktwice.classification.namers.local import SPECS
from looktwice.classification.namers.measured import MeasuredNamer
from looktwice.classification.naming import CachedNamer
from looktwice.core.errors import UsageError
from looktwice.reasoning.onevision.multimodal import REPOSITORIES

PLUGIN = """
ABOUT = "always says the same"
SPECS = ("parrot:CLASS",)

class Parrot:
    version = ""

    def __init__(self, name, taxonomy):
        self.name, self.taxonomy = name, taxonomy

def open(spec, taxonomy, **options):
    return Parrot(spec, taxonomy)
"""


def test_a_name_of_nobody_is_refused_with_all_names(taxonomy):
    with pytest.raises(UsageError, match="no namer named 'gpt'; choose from measured, measured:smollm2, openai:"):
        open_namer("gpt", taxonomy, None)


@pytest.mark.parametrize("name", [DEFAULT, "measured", "embedded"])
def test_the_measured_namer_asks_no_model_and_keeps_no_answers(taxonomy, name, tmp_path):
    namer = open_namer(name, taxonomy, None, cache=tmp_path)
    assert isinstance(namer, MeasuredNamer)
    assert namer.name == "measured"


def test_answers_of_language_models_are_kept_and_they_take_no_examples(taxonomy, parts, tmp_path):
    name = "openai:m@http://127.0.0.1:9"
    assert isinstance(open_namer(name, taxonomy, None), EndpointNamer)
    assert isinstance(open_namer(name, taxonomy, None, cache=tmp_path), CachedNamer)
    with pytest.raises(UsageError, match="--examples works only with the measured namer"):
        open_namer(name, taxonomy, None, examples={"pit": [parts.anomaly(10)]})
    with pytest.raises(UsageError, match=r"is not openai:MODEL@URL"):
        open_namer("openai:m", taxonomy, None)


def test_every_repository_with_a_short_name_is_listed():
    assert {f"{name}[:4bit]" for name in REPOSITORIES} <= set(SPECS)


def test_a_file_in_a_plugin_folder_is_a_namer(taxonomy, tmp_path, monkeypatch):
    (tmp_path / "classification" / "namers").mkdir(parents=True)
    (tmp_path / "classification" / "namers" / "parrot.py").write_text(PLUGIN)
    monkeypatch.setenv("LOOKTWICE_PLUGINS", str(tmp_path))
    assert "parrot:CLASS (always says the same)" in namer_help()
    assert open_namer("parrot:pit", taxonomy, None).name == "parrot:pit"
