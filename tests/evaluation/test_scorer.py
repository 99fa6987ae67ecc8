"""Scores for the benchmark: clouds beside references and as a cohort, a broken file among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open3d as o3d
import pytest

from looktwice.evaluation.scorer import InspectionScorer
from looktwice.pipeline import Inspector


@pytest.fixture(scope="module")
def rings(tmp_path_factory) -> list[Path]:
    """Five scans of one ring, the last with a dent, and a file that is no cloud."""
    root, mesh = tmp_path_factory.mktemp("rings"), o3d.geometry.TriangleMesh.create_torus(1.0, 0.4, 80, 50)
    paths = []
    for number in range(5):
        o3d.utility.random.seed(number)
        points = np.asarray(mesh.sample_points_uniformly(6_000).points)
        if number == 4:
            apart = np.linalg.norm(points - (1.4, 0, 0), axis=1)
            points -= 0.2 * np.exp(-((apart / 0.15) ** 2))[:, None] * (1, 0, 0)
        paths.append(root / f"{number}.xyz")
        np.savetxt(paths[-1], points, fmt="%.5f")
    broken = root / "broken.ply"
    broken.write_bytes(b"ply\nnothing")
    return [*paths, broken]


@pytest.mark.parametrize("way", ["references", "cohort"])
def test_the_dented_cloud_is_the_worst(rings, way):
    *sound, dented, broken = rings
    compared = {"references": sound[:3]} if way == "references" else {"cohort": rings}
    scorer = InspectionScorer(Inspector("nano", llm="template", **compared))
    results = list(scorer.score([sound[3], dented, broken] if way == "references" else rings))

    assert results[-1].error
    scores = [one.score for one in results[:-1]]
    assert int(np.argmax(scores)) == len(scores) - 1
    assert results[-2].heatmap.shape == results[-2].points.shape[:1] == (6_000,)
