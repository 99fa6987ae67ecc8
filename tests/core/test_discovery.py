"""Parts are found by the names of their files, without importing them."""

from __future__ import annotations

import sys

import pytest

from looktwice.core.discovery import find_part, find_parts
from looktwice.core.errors import UsageError


@pytest.fixture
def plugin(plugins):
    folder = plugins / "encoders"
    folder.mkdir(parents=True)
    (folder / "probe_part.py").write_text('NAME = "probe-1"\nWEIGHTS: dict = {}\nANSWER = 42\n')
    (folder / "helper.py").write_text("ANSWER = 0\n")
    return folder


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


def test_a_file_that_is_no_python_is_left_out_with_a_warning(plugin, caplog):
    (plugin / "probe_part.py").write_text("WEIGHTS = (\n")
    assert "dinov2_small" in find_parts("encoders", "WEIGHTS")
    assert "probe_part.py is left out, it cannot be read as Python" in caplog.text


def test_a_plugin_that_bears_the_name_of_another_file_says_so(plugin):
    (plugin / "siglip.py").write_text('NAME = "my-siglip"\nWEIGHTS = None\n')
    with pytest.raises(UsageError, match=r"siglip\.py is hidden by .*encoders.siglip\.py; give it another file name"):
        find_part("encoders", "WEIGHTS", "my-siglip", "encoder").load()
