"""The parts that CONTRIBUTING.md adds are used from the command line, so that the page cannot go stale."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from typer.testing import CliRunner

from looktwice.cli import app
from looktwice.core.calibration import Calibration
from looktwice.encoders.adapters import AdapterShape
from looktwice.encoders.registry import create_encoder
from looktwice.evidence.config import AdaptedEncoder, ExpertConfig
from looktwice.evidence.expert import build_expert
from looktwice.evidence.self_reference_maps import FeatureLevel

# The encoder of the page, in the place of an adapted one.
PATCHES = AdaptedEncoder("random-patches", {}, AdapterShape(rank=0), level_dims=(64,) * 4, embed_dim=16)
PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
FILES = dict(re.findall(r"^`([\w/]+\.py)`:\n\n```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S))


@pytest.fixture
def recipes(plugins: Path) -> Path:
    """The files of the page in a folder for parts of one's own."""
    for name, text in FILES.items():
        path = plugins / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return plugins


@pytest.fixture
def expert(recipes: Path, tmp_path: Path) -> Path:
    """An expert's file for the encoder of the page."""
    known = {"image": Calibration(), "thermal": Calibration()}
    config = ExpertConfig("random-patches", {}, 16, (FeatureLevel(1, 1),), PATCHES, calibration=known)
    torch.manual_seed(0)
    build_expert(create_encoder("random-patches"), config).save(tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """A photograph with a saturated corner."""
    pixels = np.repeat(skimage.data.brick()[::2, ::2, None], 3, axis=2)
    pixels[:80, :80] = 255
    Image.fromarray(pixels).save(tmp_path / "brick.png")
    return tmp_path / "brick.png"


def run(*call: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, [*call, "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def inspect(path: Path, expert: Path, *options: str) -> dict[str, Any]:
    [result] = run("inspect", str(path), "--model", str(expert), "--out", str(path.parent / "out"), *options)
    return result


def test_the_page_has_one_file_for_each_kind_of_part():
    rooms = ["encoders", "evidence", "reasoning", "datasets/readers", "modalities/thermal"]
    assert [str(Path(name).parent) for name in FILES] == rooms


def test_the_encoder_and_the_source_of_evidence_inspect_a_photograph(expert, photograph):
    result = inspect(photograph, expert, "--llm", "template")
    assert list(result["model"]["sha256"]) == ["mine.safetensors"]
    scores = {finding["name"]: finding["score"] for finding in result["findings"]}
    assert scores["overexposure"] > 0.5
    assert result["score"] == pytest.approx(max(scores["overexposure"], scores["ltfm"]))
    assert "Overexposed pixels" in (photograph.parent / "out" / result["study"] / "report.html").read_text(
        encoding="utf-8"
    )


def test_the_reasoner_explains(expert, photograph):
    result = inspect(photograph, expert, "--llm", "one_word")
    assert result["explanation"] == result["verdict"]
    assert result["answer"] == {"kind": "one_word", "verdict": result["verdict"]}


def test_the_dataset_is_listed_and_read(recipes, tmp_path):
    [card] = [card for card in run("datasets", "list") if card["name"] == "bottle-caps"]
    assert card["domain"] == "industrial"
    for number, folder in enumerate(("ok", "scratched")):
        (tmp_path / "caps" / folder).mkdir(parents=True)
        noise = np.random.default_rng(number).integers(0, 255, (32, 32, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "caps" / folder / "0.png")
    [checked] = run("datasets", "check", "bottle-caps", str(tmp_path / "caps"))
    assert not checked["problems"]


@pytest.mark.parametrize("model", ["mine", "nano"])
def test_the_kind_of_input_is_recognised_by_its_content(expert, tmp_path, model):
    np.save(tmp_path / "frame.npy", np.add.outer(np.linspace(20, 30, 48), np.linspace(0, 5, 64)))
    result = inspect(tmp_path / "frame.npy", expert if model == "mine" else Path("nano"), "--no-explain")
    assert result["modality"] == "thermal"
    assert Image.open(tmp_path / "out" / result["study"] / result["artifacts"]["heatmap"]).size == (64, 48)
