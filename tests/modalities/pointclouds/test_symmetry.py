"""The object's own symmetries: found whatever the pose, and told apart from what breaks them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from looktwice.datasets.synthesis.shapes import damage_mesh, sample_cloud
from looktwice.datasets.synthesis.shapes.catalogue import SHAPES
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.study import CloudStudy
from looktwice.modalities.pointclouds.surfels import surface_elements
from looktwice.modalities.pointclouds.symmetry import find_symmetries


def elements(mesh, turn=0):
    cloud = sample_cloud(np.random.default_rng(0), mesh, 20_000, 0.0003)
    points = cloud.points @ Rotation.random(rng=turn).as_matrix().T.astype(np.float32)
    study = CloudStudy(Cloud(points), Path("made.ply"))
    surfels = surface_elements(study.surface, study.frame, study.renderings, 3000)
    labelled = np.bincount(surfels.owner, cloud.labels) / np.bincount(surfels.owner)
    return surfels, find_symmetries(surfels.points, surfels.normals, study.frame.axes), labelled > 0.5


@pytest.mark.parametrize("name", ["vase", "cup", "elbow", "superquadric"])
def test_symmetric_shapes_map_to_themselves(name):
    surfels, found, _ = elements(SHAPES[name](np.random.default_rng(2)), turn=5)
    assert found[0].misfit < 0.2 * surfels.side
    assert [one.misfit for one in found] == sorted(one.misfit for one in found)


def test_an_irregular_body_has_no_symmetry():
    surfels, found, _ = elements(SHAPES["pebble"](np.random.default_rng(2)))
    assert found[0].misfit > 0.5 * surfels.side


def test_a_bulge_has_no_counterpart():
    mesh, _ = damage_mesh(np.random.default_rng(3), SHAPES["elbow"](np.random.default_rng(2)), "bulge")
    _, found, damaged = elements(mesh)
    assert np.median(found[0].distance[damaged]) > 4 * np.median(found[0].distance[~damaged])
