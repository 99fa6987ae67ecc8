"""Benchmarks are found by the names of their files; one is added in one file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from looktwice.commands.datasets import app
from looktwice.core.errors import UsageError
from looktwice.datasets.readers.registry import find_benchmark, list_cards, open_benchmark
from looktwice.evaluation.sets import open_sets

run = CliRunner()

READER = '''"""Weld seams, a picture each, named by what they show."""

from looktwice.datasets import GOOD, Card, Sample

CARD = Card(
    "my_welds",
    title="My welds",
    about="Seams of one robot.",
    licence="CC0",
    home="https://example.org/welds",
    layout="<kind>-<number>.png",
    domain="industrial",
)


def read(root):
    kinds = {path: path.stem.partition("-")[0] for path in sorted(root.glob("*.png"))}
    return [
        Sample(path, int(kind != GOOD), None, "weld", kind, "test", None, CARD.name) for path, kind in kinds.items()
    ]
'''


@pytest.fixture
def readers(plugins: Path) -> Path:
    """A folder for readers of one's own."""
    folder = plugins / "datasets" / "readers"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def welds(readers: Path, tmp_path: Path) -> Path:
    """A benchmark of one's own, read by a single file."""
    (readers / "my_welds.py").write_text(READER)
    folder = tmp_path / "seams"
    folder.mkdir()
    for number, name in enumerate(("good-1", "good-2", "pore-1")):
        Image.fromarray(np.full((8, 8), 40 + number, np.uint8)).save(folder / f"{name}.png")
    return folder


def test_cards_are_whole():
    cards = list_cards()
    assert len({card.name for card in cards}) == len(cards) == 26
    for card in cards:
        assert all(card.to_json().values())
        assert card.home.startswith("https://")


def test_unknown_names_and_wrong_contents(tmp_path):
    with pytest.raises(UsageError, match=r"no benchmark named 'imagenet'; choose from aitex, .*visa-dr"):
        open_benchmark("imagenet", tmp_path)
    with pytest.raises(UsageError, match="mmad contains questions"):
        open_benchmark("mmad", tmp_path)


def test_a_benchmark_added_in_one_file_is_listed_checked_and_evaluated(welds):
    listed = [json.loads(line) for line in run.invoke(app, ["list", "--json"]).stdout.splitlines()]
    assert next(line["licence"] for line in listed if line["name"] == "my_welds") == "CC0"
    assert "Seams of one robot." in run.invoke(app, ["list"], env={"COLUMNS": "200"}).stdout
    checked = run.invoke(app, ["check", "my_welds", str(welds), "--json"])
    assert checked.exit_code == 0
    assert json.loads(checked.stdout)["counts"] == {"weld": {"train": 0, "normal": 2, "anomalous": 1, "masks": 0}}
    (opened,), problems = open_sets([f"my_welds={welds}"])
    assert not problems
    assert [(sample.defect, sample.label) for sample in opened.test] == [("good", 0), ("good", 0), ("pore", 1)]


def test_a_card_must_bear_the_name_of_its_file(readers):
    (readers / "seams.py").write_text(READER)
    with pytest.raises(UsageError, match=r"seams\.py: the benchmark is called 'seams', but its card says 'my_welds'"):
        find_benchmark("seams")
