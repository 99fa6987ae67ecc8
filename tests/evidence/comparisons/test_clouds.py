"""Clouds beside others: what the others do not have stands out, and only the form counts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import open3d as o3d
import pytest
from scipy.spatial.transform import Rotation

from looktwice.core.calibration import logit
from looktwice.core.finding import Finding, Join, NativeHeat
from looktwice.core.fuse import fuse
from looktwice.evidence.comparisons.clouds import CloudComparer
from looktwice.evidence.comparisons.studies import StudyCohort, StudyReferences
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.study import CloudStudy

DENT = np.array((1.4, 0.0, 0.0))


def part(seed: int, dented: bool = False, turned: bool = True, scale: float = 1.0) -> CloudStudy:
    """A ring with a bead on it, scanned anew by each seed; a dent lies on its outer side."""
    rng = np.random.default_rng(seed)
    mesh = o3d.geometry.TriangleMesh.create_torus(1.0, 0.4, 80, 50)
    mesh += o3d.geometry.TriangleMesh.create_sphere(0.45, 40).translate((-1.2, 0, 0))
    o3d.utility.random.seed(seed)
    points = np.asarray(mesh.sample_points_uniformly(12_000).points) + rng.normal(0, 0.002, (12_000, 3))
    if dented:
        apart = np.linalg.norm(points - DENT, axis=1)
        points -= 0.15 * np.exp(-((apart / 0.15) ** 2))[:, None] * (1, 0, 0)
    if turned:
        points = points @ Rotation.random(random_state=seed).as_matrix().T
    return CloudStudy(Cloud((scale * points).astype(np.float32)), Path(f"{seed}.ply"))


@cache
def references() -> StudyReferences:
    comparer = CloudComparer()
    return StudyReferences(comparer, [comparer.describe(part(seed)) for seed in range(4)])


def test_a_dent_that_no_reference_has_is_found_where_it_is():
    dented, sound = part(20, dented=True, turned=False), part(21)
    found, other = references().compare(dented), references().compare(sound)
    assert found.score > 0.5 > other.score
    apart = np.linalg.norm(dented.cloud.points - DENT, axis=1)
    assert apart[np.argmax(found.heat.values)] < 0.35
    assert found.heat.values[apart < 0.2].mean() > 0.5
    assert (found.heat.values[apart > 0.6] > 0.5).mean() < 0.01
    assert 0 <= found.heat.values.min() <= found.heat.values.max() <= 1


def test_pose_and_size_do_not_count():
    one, other = references().compare(part(22, turned=False)), references().compare(part(22, scale=30.0))
    assert one.score < 0.5
    assert other.score == pytest.approx(one.score, abs=0.15)


def seen_from_above(study: CloudStudy) -> CloudStudy:
    """What a viewer high above sees of a part that lies as it was made: its upper half."""
    points = study.cloud.points
    return CloudStudy(Cloud(points[points[:, 2] > 0]), Path("above.ply"))


def test_the_rim_of_what_was_not_seen_is_no_anomaly():
    comparer = CloudComparer()
    whole = StudyReferences(comparer, [comparer.describe(part(seed, turned=False)) for seed in range(4)])
    above = seen_from_above(part(24, turned=False))
    assert above.shape[0].toward is not None
    assert whole.compare(above).score < 0.5


def test_references_decide_alone_and_replace_geometry():
    found = references().compare(part(25))
    assert (found.join, found.replaces) == (Join.REPLACE, ("geometry",))
    assert "4 references" in found.p_normal_from


def test_in_a_cohort_the_dented_one_is_the_worst():
    comparer = CloudComparer()
    parts = [part(seed, dented=seed == 32) for seed in range(30, 35)]
    cohort = StudyCohort(comparer, {study.key: comparer.describe(study) for study in parts})
    assert int(np.argmax([cohort.compare(study).logit for study in parts])) == 2


def test_a_comparison_adds_logits_to_the_map_and_leaves_what_is_not_inspected():
    study = part(23)
    study.cloud.valid[:5] = False
    logits = np.linspace(-2, 2, len(study.cloud.points)).astype(np.float32)
    even = Finding("made", 0.0, np.full((len(study.views()), 4, 4), 0.5, np.float32))
    _, heatmap, _ = fuse([even, Finding("added", 0.0, NativeHeat(logits), "add")], study)
    assert logit(heatmap.values[-1]) == pytest.approx(2, abs=0.05)
    assert logit(heatmap.values[100]) == pytest.approx(-2, abs=0.05)
