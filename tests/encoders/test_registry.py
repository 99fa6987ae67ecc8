"""Encoders are found by the names of their files; one is added in one file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import skimage.data
import torch
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app
from looktwice.core.calibration import Calibration
from looktwice.core.discovery import find_parts
from looktwice.core.errors import UsageError
from looktwice.encoders.adapters import AdapterShape
from looktwice.encoders.registry import create_encoder, weights_of
from looktwice.evidence.config import AdaptedEncoder, ExpertConfig
from looktwice.evidence.expert import build_expert
from looktwice.evidence.self_reference_maps import FeatureLevel

ENCODER = '''"""Mean colours of patches, spread over eight channels."""

import torch
from torch import nn

from looktwice.core.tokens import Tokens
from looktwice.encoders.base import VisionEncoder
from looktwice.encoders.pixels import resize_batch

NAME = "mean-colour"
WEIGHTS = None


class MeanColour(VisionEncoder):
    def __init__(self, input_size=64):
        super().__init__()
        self.name, self.input_size, self.grid = NAME, input_size, (8, 8)
        self.token_dim, self.level_dims = 8, (8,) * 4
        self.mix = nn.Parameter(torch.linspace(-1, 1, 24).reshape(3, 8), requires_grad=False)

    def preprocess(self, images):
        return resize_batch(images, self.input_size, mean=0.5, std=0.5)

    def forward(self, pixels):
        tokens = nn.functional.adaptive_avg_pool2d(pixels, self.grid).flatten(2).transpose(1, 2) @ self.mix
        return Tokens(tokens, [tokens] * 4, self.grid)
'''


@pytest.fixture
def encoders(plugins: Path) -> Path:
    """A folder for encoders of one's own."""
    folder = plugins / "encoders"
    folder.mkdir(parents=True)
    return folder


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


def test_weights_are_told_without_importing_the_encoder(encoders):
    (encoders / "plain.py").write_text(
        "from looktwice.core.weights import WheelFile\n"
        "WEIGHTS = WheelFile('a==1', member='m', sha256='0', licence='MIT')\n"
    )
    (encoders / "none.py").write_text("WEIGHTS = None\n")
    weights = weights_of("plain")
    assert weights is not None
    assert (weights.requirement, weights.filename) == ("a==1", "m")
    assert "looktwice.encoders.plain" not in sys.modules
    assert weights_of("none") is None


def test_weights_that_are_computed_are_told_too(encoders):
    (encoders / "computed.py").write_text(
        "from looktwice.core.weights import Repository\nOWNER = 'me'\nWEIGHTS = Repository(OWNER + '/net', 'MIT')\n"
    )
    weights = weights_of("computed")
    assert weights is not None
    assert weights.name == "me/net"


@pytest.mark.parametrize("classes", [0, 2])
def test_a_file_without_one_encoder_is_refused(encoders, classes):
    lines = ["from looktwice.encoders.base import VisionEncoder", "WEIGHTS = None"]
    lines += [f"class Net{number}(VisionEncoder): ..." for number in range(classes)]
    (encoders / "many.py").write_text("\n".join(lines))
    with pytest.raises(UsageError, match=rf"many\.py must define one subclass of VisionEncoder; it defines {classes}"):
        create_encoder("many")


def test_an_encoder_added_in_one_file_inspects_from_the_command_line(encoders, tmp_path):
    (encoders / "mean_colour.py").write_text(ENCODER)
    adapted = AdaptedEncoder("mean-colour", {}, AdapterShape(rank=0), level_dims=(8,) * 4, embed_dim=16)
    config = ExpertConfig("mean-colour", {}, 16, (FeatureLevel(1, 1),), adapted, calibration={"image": Calibration()})
    torch.manual_seed(0)
    expert, picture = tmp_path / "mine.safetensors", tmp_path / "brick.png"
    build_expert(create_encoder("mean-colour"), config).save(expert)
    Image.fromarray(skimage.data.brick()).save(picture)
    call = ["inspect", str(picture), "--model", str(expert), "--no-explain", "--json", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert 0 <= result["score"] <= 1
    assert list(result["model"]["sha256"]) == ["mine.safetensors"]
