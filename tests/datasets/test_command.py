"""``looktwice datasets`` at the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import skimage.data
from PIL import Image
from typer.testing import CliRunner

from looktwice.commands.datasets import app
from looktwice.core.errors import UsageError
from looktwice.datasets.readers.registry import list_cards

run = CliRunner()


@pytest.fixture
def tile(tmp_path):
    root = tmp_path / "ein Ordner é" / "tile"
    rng = np.random.default_rng(0)
    for name in ("train/good/0", "test/good/0", "test/dent/0"):
        (root / name).parent.mkdir(parents=True)
        Image.fromarray(rng.integers(0, 255, (20, 20), dtype=np.uint8)).save(root / f"{name}.png")
    (root / "ground_truth/dent").mkdir(parents=True)
    Image.fromarray(np.eye(20, dtype=np.uint8) * 255).save(root / "ground_truth/dent/0_mask.png")
    return root


def test_list_says_everything_about_each():
    lines = [json.loads(line) for line in run.invoke(app, ["list", "--json"]).stdout.splitlines()]
    assert [line["name"] for line in lines] == [card.name for card in list_cards()]
    assert all(line["licence"] and line["home"] and line["layout"] and line["about"] for line in lines)
    medical = run.invoke(app, ["list", "--domain", "medical", "--json"]).stdout.splitlines()
    assert {json.loads(line)["domain"] for line in medical} == {"medical"}
    table = run.invoke(app, ["list"], env={"COLUMNS": "200"}).stdout
    assert "kolektor-sdd" in table
    assert "https://www.vicos.si/resources/kolektorsdd/" in table
    with pytest.raises(UsageError, match="unknown domain 'food'"):
        run.invoke(app, ["list", "--domain", "food"], catch_exceptions=False)


def test_check_exits_by_what_it_finds(tile):
    whole = run.invoke(app, ["check", "mvtec-ad", str(tile), "--json"])
    assert whole.exit_code == 0
    assert json.loads(whole.stdout)["counts"] == {"tile": {"train": 1, "normal": 1, "anomalous": 1, "masks": 1}}
    (tile / "test/good/0.png").write_bytes(b"")
    broken = run.invoke(app, ["check", "folder", str(tile)])
    assert broken.exit_code == 1
    assert "problem: test/good/0.png: cannot be read" in broken.output


def test_check_of_something_else(tmp_path):
    result = run.invoke(app, ["check", "visa", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert "not laid out as VisA" in json.loads(result.stdout.splitlines()[0])["error"]


def test_synthesize_writes_a_benchmark_that_passes_the_check(tmp_path):
    source = tmp_path / "coffee"
    source.mkdir()
    for number in range(4):
        Image.fromarray(skimage.data.coffee()[number * 40 : number * 40 + 80, 100:220]).save(source / f"{number}.png")
    out = tmp_path / "made"
    call = ["synthesize", str(source), "pebble", "--out", str(out), "--count", "2", "--normal", "1", "--points", "900"]
    result = run.invoke(app, [*call, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    assert [json.loads(line)["category"] for line in result.stdout.splitlines()] == ["coffee", "pebble"]
    assert run.invoke(app, ["check", "folder", str(out)]).exit_code == 0
    with pytest.raises(UsageError, match="not empty"):
        run.invoke(app, call, catch_exceptions=False)


def test_synthesize_refuses_kinds_that_a_source_does_not_take(tmp_path):
    with pytest.raises(UsageError, match="unknown kind 'stain'"):
        run.invoke(
            app, ["synthesize", "gear", "--out", str(tmp_path / "o"), "--kinds", "stain"], catch_exceptions=False
        )
    assert not (tmp_path / "o").exists()
