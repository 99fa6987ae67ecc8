"""Encoders are found by the names of their files; one is added in one file."""

from __future__ import annotations

import importlib
import sys

import pytest

from looktwice.core.discovery import find_parts
from looktwice.core.errors import UsageError
from looktwice.encoders.registry import create_encoder, weights_of


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A folder for encoders of one's own; they are forgotten afterwards."""
    folder = tmp_path / "encoders"
    folder.mkdir()
    monkeypatch.setenv("LOOKTWICE_PLUGINS", str(tmp_path))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("looktwice.encoders."):
            del sys.modules[name]
    package = importlib.import_module("looktwice.encoders")
    package.__path__[:] = [path for path in package.__path__ if path != str(folder)]


def test_an_unknown_encoder_is_named_with_those_there_are():
    with pytest.raises(UsageError, match=r"no encoder named 'resnet-9000'; choose from dinov2_small, efficientnet_lit"):
        create_encoder("resnet-9000")


def test_helpers_and_llava_s_tower_are_no_encoders_by_name():
    assert list(find_parts("encoders", "WEIGHTS")) == ["dinov2_small", "efficientnet_lite0", "siglip-so400m-384"]


@pytest.mark.parametrize("name", ["dinov2_small", "efficientnet_lite0", "siglip-so400m-384"])
def test_what_is_read_of_the_weights_is_what_the_file_says(name):
    part = find_parts("encoders", "WEIGHTS")[name]
    assert weights_of(name) == part.load().WEIGHTS
    assert part.constant("ABOUT")


def test_weights_are_told_without_importing_the_encoder(plugins):
    (plugins / "plain.py").write_text(
        "from looktwice.core.weights import WheelFile\n"
        "WEIGHTS = WheelFile('a==1', member='m', sha256='0', licence='MIT')\n"
    )
    (plugins / "none.py").write_text("WEIGHTS = None\n")
    weights = weights_of("plain")
    assert weights is not None
    assert (weights.requirement, weights.filename) == ("a==1", "m")
    assert "looktwice.encoders.plain" not in sys.modules
    assert weights_of("none") is None


def test_weights_that_are_computed_are_told_too(plugins):
    (plugins / "computed.py").write_text(
        "from looktwice.core.weights import Repository\nOWNER = 'me'\nWEIGHTS = Repository(OWNER + '/net', 'MIT')\n"
    )
    weights = weights_of("computed")
    assert weights is not None
    assert weights.name == "me/net"


@pytest.mark.parametrize("classes", [0, 2])
def test_a_file_without_one_encoder_is_refused(plugins, classes):
    lines = ["from looktwice.encoders.base import VisionEncoder", "WEIGHTS = None"]
    lines += [f"class Net{number}(VisionEncoder): ..." for number in range(classes)]
    (plugins / "many.py").write_text("\n".join(lines))
    with pytest.raises(UsageError, match=rf"many\.py must define one subclass of VisionEncoder; it defines {classes}"):
        create_encoder("many")
