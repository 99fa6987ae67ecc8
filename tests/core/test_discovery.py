"""Parts are found by the names of their files, without importing them."""

from __future__ import annotations

import sys

import pytest

from looktwice.core.discovery import find_part, find_parts
from looktwice.core.errors import UsageError


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    folder = tmp_path / "encoders"
    folder.mkdir()
    (folder / "probe_part.py").write_text('NAME = "probe-1"\nWEIGHTS: dict = {}\nANSWER = 42\n')
    (folder / "helper.py").write_text("ANSWER = 0\n")
    monkeypatch.setenv("LOOKTWICE_PLUGINS", str(tmp_path))
    yield folder
    sys.modules.pop("looktwice.encoders.probe_part", None)


def test_a_file_with_the_marker_is_a_part_and_others_are_not(plugin):
    parts = find_parts("encoders", "WEIGHTS")
    assert "probe-1" in parts
    assert "helper" not in parts
    assert "looktwice.encoders.probe_part" not in sys.modules
    assert parts["probe-1"].constant("ANSWER") == 42
    assert parts["probe-1"].load().ANSWER == 42


def test_an_unknown_name_is_told_with_those_there_are(plugin):
    with pytest.raises(UsageError, match=r"no encoder named 'x'; choose from .*probe-1"):
        find_part("encoders", "WEIGHTS", "x", "encoder")


def test_a_changed_file_is_read_again(plugin):
    path = plugin / "probe_part.py"
    assert "probe-1" in find_parts("encoders", "WEIGHTS")
    path.write_text('NAME = "probe-two"\nWEIGHTS = {}\n')
    assert "probe-two" in find_parts("encoders", "WEIGHTS")
