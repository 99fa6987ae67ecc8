"""Training the geometry network on clouds with bumps: it learns, goes on where it stopped, and says what it lacks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from looktwice.core.errors import InputError
from looktwice.evidence.networks.damage import load_network
from looktwice.modalities.pointclouds.ply import write_scored_ply
from looktwice.training.geometry import GeometryPlan, train_geometry


def bumpy_ball(rng: np.random.Generator, stretch: float, bump: bool) -> tuple[np.ndarray, np.ndarray]:
    points = rng.normal(size=(4000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    raised = np.clip(1 - np.linalg.norm(points - [0, 0.6, 0.8], axis=1) / 0.35, 0, 1) * bump
    return points * (1 + 0.2 * raised[:, None]) * (1, stretch, 1), raised > 0.2


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    root = tmp_path / "bench"
    for number in range(4):
        for defect in ("good", "bump"):
            points, labels = bumpy_ball(rng, 0.6 + 0.2 * number, defect == "bump")
            place = root / f"ball{number}" / "test" / defect
            place.mkdir(parents=True)
            write_scored_ply(place / "000.ply", points.astype(np.float32), {}, np.zeros(points.shape, np.uint8))
            if defect == "bump":
                truth = root / f"ball{number}" / "ground_truth" / defect
                truth.mkdir(parents=True)
                np.savetxt(truth / "000_mask.txt", labels, fmt="%d")
    return root


def test_a_head_learns_what_a_bump_is_and_training_goes_on(benchmark, tmp_path):
    plan = GeometryPlan((benchmark,), epochs=30)
    path = train_geometry(plan, tmp_path / "run")
    record = json.loads((tmp_path / "run" / "training.json").read_text())
    assert record["shapes"] == 4
    assert record["cross_validated"]["point_auroc"] > 0.9
    assert len(load_network(path).layers) == 3
    kept = sorted((tmp_path / "run" / "cases").iterdir())
    assert len(kept) == 8
    before = {file: file.stat().st_mtime_ns for file in kept}
    path.unlink()
    train_geometry(plan, tmp_path / "run")
    assert path.exists()
    assert before == {file: file.stat().st_mtime_ns for file in kept}


def test_too_few_shapes_are_refused(benchmark, tmp_path):
    with pytest.raises(InputError, match="too few to train on"):
        train_geometry(GeometryPlan((benchmark,), left_out=("ball0",)), tmp_path / "run")
