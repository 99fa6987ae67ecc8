from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from looktwice.core.errors import UsageError
from looktwice.evaluation.figures import draw_confusion, draw_transfer
from looktwice.evaluation.transfer import read_cell, transfer_matrix


def result(value, **more):
    return {"sets": [{"name": "s"}], "mean": {"image_auroc": value, "ci95": {"image_auroc": [0.1, 0.9]}, **more}}


CELLS = {
    ("industrial", "industrial"): result(0.95),
    ("industrial", "medical"): result(0.7),
    ("medical", "industrial"): result(0.6, aupro=0.3),
    ("all", "3D"): result(None),
}


def test_cells_find_their_place_and_missing_ones_are_none():
    matrix = transfer_matrix(CELLS)
    assert matrix["trained_on"] == ["industrial", "medical", "all"]
    assert matrix["tested_on"] == ["industrial", "medical", "3D"]
    assert matrix["values"] == [[0.95, 0.7, None], [0.6, None, None], [None, None, None]]
    assert matrix["ci95"][0][0] == [0.1, 0.9]
    assert matrix["ci95"][1][1] is None
    assert matrix["sets"][0][0] == ["s"]
    assert transfer_matrix(CELLS, "aupro")["values"][1][0] == 0.3


def test_without_any_figure_there_is_no_matrix():
    with pytest.raises(UsageError, match="pixel_auroc"):
        transfer_matrix(CELLS, "pixel_auroc")
    with pytest.raises(UsageError):
        transfer_matrix({})


def test_cells_are_read_from_results(tmp_path):
    path = tmp_path / "a=b result.json"
    path.write_text(json.dumps(result(0.5)))
    (trained, tested), found = read_cell(f"industrial,3D={path}")
    assert (trained, tested, found["mean"]["image_auroc"]) == ("industrial", "3D", 0.5)


@pytest.mark.parametrize("text", ["industrial", "a=b", "a,=b", "a,b="])
def test_cells_of_another_form(text):
    with pytest.raises(UsageError, match="TRAINED,TESTED=FILE"):
        read_cell(text)


def test_files_that_are_no_results(tmp_path):
    (tmp_path / "x").write_text('{"mean": 3}')
    (tmp_path / "y").write_text("{")
    for name, message in (("x", "not a result"), ("y", "not valid JSON"), ("z", "cannot be read")):
        with pytest.raises(UsageError, match=message):
            read_cell(f"a,b={tmp_path / name}")


def test_figures_show_high_cells_darker(tmp_path):
    draw_transfer(tmp_path / "t.png", transfer_matrix(CELLS))
    draw_confusion(tmp_path / "c.png", "tile", ["good", "gray_stroke"], [[9, 1], [0, 4]])
    for name in "tc":
        picture = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
        assert min(picture.shape) > 150
        assert picture.std() > 10
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["c.png", "t.png"], "no temporary file is left"
