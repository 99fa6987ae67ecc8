"""Small clouds and meshes, written in every format that is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.study import CloudStudy


def torus():
    """Open3D's torus: 600 vertices, 1200 triangles, closed, with a far side."""
    import open3d as o3d

    return o3d.geometry.TriangleMesh.create_torus()


def ball(count: int) -> np.ndarray:
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    z = 1 - (2 * np.arange(count) + 1) / count
    ring = np.sqrt(1 - z * z)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1).astype(np.float32)


def study_of(points, **options) -> CloudStudy:
    faces = options.pop("faces", None)
    unit = options.pop("unit", None)
    return CloudStudy(Cloud(np.asarray(points), faces), Path("made here.ply"), backend="numpy", unit=unit, **options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name a careless reader trips over."""
    made = tmp_path / "scans of größe 2"
    made.mkdir()
    return made


@pytest.fixture(scope="session")
def make():
    from types import SimpleNamespace

    return SimpleNamespace(torus=torus, ball=ball, study=study_of)
