"""A kind of input is added as one folder; nothing else is touched."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from looktwice import modalities
from looktwice.core.errors import InputError, UsageError
from looktwice.report import Picture, write_report

from ..made_studies import make_result


def test_it_is_known_by_name_and_recognised_by_content(grid_kind, tmp_path):
    path = grid_kind.make(tmp_path / "table.png")
    assert "grid" in modalities.kinds()
    assert modalities.detect(path) == "grid"
    study = modalities.open(path)
    assert study.modality == modalities.Modality("grid")
    assert study.modality.value == "grid"
    assert study.views()[0].image.shape == (24, 32, 3)
    assert not study.medical
    assert modalities.open(path, "grid", medical=True).medical


def test_it_is_found_in_folders_and_named_in_errors(grid_kind, tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    paths = [grid_kind.make(folder / "b.grid")]
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(folder / "a.png")
    (folder / "notes.md").write_text("not an input")
    assert [one.source for one in modalities.find_inputs([folder]).inputs] == [folder / "a.png", *paths]
    with pytest.raises(InputError, match="not a supported image, point cloud, table or volume"):
        modalities.detect(folder / "notes.md")
    with pytest.raises(UsageError, match="choose from grid, image, pointcloud, volume"):
        modalities.open(paths[0], "hologram")


def test_its_options_and_exports_are_known(grid_kind, tmp_path):
    path = grid_kind.make(tmp_path / "a.grid")
    bright = modalities.open(path, gain=1.2, window="brain").views()[0].image
    assert bright[0, 0, 0] == 240
    assert "txt" in modalities.exports()
    with pytest.raises(UsageError, match=r"there is no option 'gian'; choose from .*gain"):
        modalities.open(path, gian=2)


def test_a_broken_input_is_named(grid_kind, tmp_path):
    (tmp_path / "a.grid").write_text("GRID\n1 2\n3 x\n")
    with pytest.raises(InputError, match=r"a\.grid: no table of numbers"):
        modalities.open(tmp_path / "a.grid")


def test_it_is_reported(grid_kind, tmp_path):
    study = modalities.open(grid_kind.make(tmp_path / "a.grid"))
    maps = np.zeros((1, 6, 8), np.float32)
    maps[0, 1:3, 1:3] = 0.9
    heatmap = study.lift(maps)
    view = study.views()[0]
    pictures = [Picture(view.name, view.image, maps[0], 0.9)]
    result = make_result(study, heatmap, pictures)
    artifacts = write_report(result, study, pictures, tmp_path / "out")
    assert artifacts["heatmap"] == "heatmap.npy"
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "heatmap.npy"), heatmap.values)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "looktwice · table" in page
    assert "Centre, cell (x, y)" in page
    assert json.loads((tmp_path / "out" / "report.json").read_text())["modality"] == "grid"
    assert heatmap.export("txt", tmp_path) == "heatmap.txt"
    with pytest.raises(InputError, match="DICOM objects can only be written for a DICOM series"):
        study.write_dicom(heatmap, result.regions, tmp_path / "out")


def test_it_is_gone_where_its_folder_is_not_named():
    assert modalities.kinds() == ["image", "pointcloud", "volume"]
