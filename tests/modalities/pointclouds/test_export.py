"""Exports of scored clouds: what other programs read is what was scored."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from looktwice.core.errors import UsageError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.gltf import read_gltf
from looktwice.modalities.pointclouds.obj import read_obj
from looktwice.modalities.pointclouds.pointmap import PointMap
from looktwice.modalities.pointclouds.study import CloudStudy

CORNERS = np.array([[0, 0, 0], [2, 0, 0], [0, 3, 0], [0, 0, 4]], np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)


def scored(points: np.ndarray, faces: np.ndarray | None = None, unit: str | None = None) -> PointMap:
    study = CloudStudy(Cloud(points, faces), Path("made.ply"), unit=unit)
    values = np.linspace(0, 1, len(points), dtype=np.float32)
    return PointMap(study, values, np.full(len(points), 2, np.uint8), np.zeros(len(points), bool))


@pytest.mark.parametrize("faces", [None, FACES])
def test_obj_keeps_points_faces_and_colours(tmp_path, faces):
    heatmap = scored(CORNERS.astype(np.float64) + 600_000.125, faces)
    name = heatmap.export("obj", tmp_path)
    points, triangles, colours = read_obj(tmp_path / name)
    np.testing.assert_array_equal(points, heatmap.points)
    assert (triangles is None) if faces is None else np.array_equal(triangles, faces)
    np.testing.assert_allclose(colours, heatmap.colours / 255, atol=1e-4)


def test_csv_has_a_line_for_every_point_and_tells_unmeasured_ones(tmp_path):
    points = np.concatenate([CORNERS, [[np.nan] * 3]]).astype(np.float32)
    name = scored(points).export("csv", tmp_path)
    rows = list(csv.DictReader((tmp_path / name).open()))
    assert len(rows) == 5
    assert [float(row["anomaly_score"]) for row in rows] == [0, 0.25, 0.5, 0.75, 1]
    assert [row["inspected"] for row in rows] == ["1", "1", "1", "1", "0"]
    assert float(rows[2]["y"]) == 3


def test_glb_is_in_metres_and_read_back(tmp_path):
    name = scored(CORNERS + 5, FACES, "mm").export("glb", tmp_path)
    cloud = read_gltf(tmp_path / name)
    np.testing.assert_allclose(cloud.points, (CORNERS + 5) / 1000, atol=1e-6)
    np.testing.assert_array_equal(cloud.faces, FACES)
    data = (tmp_path / name).read_bytes()
    assert len(data) % 4 == 0
    assert b"_ANOMALY_SCORE" in data


def test_glb_leaves_out_what_was_not_measured(tmp_path):
    points = np.concatenate([[[np.nan] * 3], CORNERS]).astype(np.float32)
    name = scored(points, FACES + 1).export("glb", tmp_path)
    cloud = read_gltf(tmp_path / name)
    assert len(cloud.points) == 4
    np.testing.assert_array_equal(cloud.faces, FACES)


def test_an_unknown_format_is_named(tmp_path):
    with pytest.raises(UsageError, match="obj, glb, csv"):
        scored(CORNERS).export("fbx", tmp_path)
    assert not list(tmp_path.iterdir())
