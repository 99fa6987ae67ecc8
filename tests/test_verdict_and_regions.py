"""Verdict, regions, heat map, overlay, words and JSON of a study say the same: 200 studies of three kinds."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from scipy.special import expit

from looktwice.core.colours import CONTOUR_RGB
from looktwice.core.finding import Finding, NativeHeat, ViewHeat
from looktwice.core.fuse import fuse, maps_in_views, view_scores
from looktwice.core.result import Result, rank_views
from looktwice.modalities.images import ImageStudy
from looktwice.reasoning.template import explain
from looktwice.report.writing import shown_pictures, write_report

THRESHOLDS = (0.3, 0.5, 0.8)
PHOTOGRAPHS, VOLUMES, CLOUDS = 160, 20, 20


def bumpy(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Heat with hills of any height: some reach no threshold, some lie above it all over."""
    hills = ndimage.gaussian_filter(rng.normal(size=shape), [0] * (len(shape) - 2) + [2, 2] if len(shape) > 1 else 2)
    return expit(hills / hills.std() * rng.uniform(0.1, 2) + rng.uniform(-4, 3)).astype(np.float32)


def examined(study, findings: list[Finding], threshold: float) -> tuple[Result, np.ndarray]:
    """Fuse findings to a result, as the pipeline does."""
    score, heatmap, regions = fuse(findings, study, threshold)
    maps = maps_in_views(findings, heatmap)
    scores = view_scores(findings, heatmap, maps)
    result = Result(
        study.name, study.source, study.modality, score, threshold, heatmap, regions,
        rank_views(study.views(), scores, [1.0] * len(maps), 6), len(maps), {"name": "made"}, "1",
        candidates=heatmap.regions(threshold) if score < threshold else [],
    )  # fmt: skip
    result.answer = explain(result)
    return result, maps


def check(result: Result, study, maps: np.ndarray, folder) -> None:
    """Assert that everything that a user sees agrees."""
    anomalous, heat = result.score >= result.threshold, np.asarray(result.heatmap.values)
    assert bool(result.regions) == anomalous
    assert not (anomalous and result.candidates)
    for region in (*result.regions, *result.candidates):
        assert region.score >= result.threshold - 1e-6
        assert region.score <= heat.max() + 1e-6
    assert {one.extent for one in result.candidates} <= {"local"}
    if anomalous:
        assert heat.max() >= result.threshold
    stored = result.to_json()
    assert (stored["verdict"] == "anomalous") == bool(stored["regions"])
    text = result.answer.text
    assert text.startswith("Anomalous" if anomalous else "Normal")
    assert bool(result.answer.fields["size"]) == anomalous
    if not anomalous:
        assert "region lies" not in text
        assert "stands out" not in text
        assert result.answer.fields["where"] is None
    write_report(result, study, shown_pictures(result, study, maps), folder, viewer=False)
    overlay = np.asarray(Image.open(folder / "overlay.png").convert("RGB"))[:, :-100]
    # The first of several views is framed in the colour of the contour.
    drawn = (np.abs(overlay.astype(int) - CONTOUR_RGB).max(axis=2) < 12).sum()
    if len(maps) == 1:
        crossing = anomalous and heat.min() < result.threshold
        assert bool(drawn) == crossing
    assert ("The line follows the threshold" in (folder / "report.html").read_text(encoding="utf-8")) == anomalous


@pytest.mark.parametrize("seed", range(4))
def test_photographs(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for number in range(PHOTOGRAPHS // 4):
        picture = rng.integers(60, 80, (72, 96, 3), np.uint8)
        study = ImageStudy(tmp_path / f"{number}.png", picture)
        finding = Finding("made", float(rng.normal(0, 2)), ViewHeat(bumpy((1, 16, 16), rng)))
        result, maps = examined(study, [finding], THRESHOLDS[number % 3])
        check(result, study, maps, tmp_path / str(number))


def test_volumes(make_volume, tmp_path):
    rng = np.random.default_rng(7)
    study = make_volume(spacing=(6.0, 6.0, 6.0)).study
    for number in range(VOLUMES):
        finding = Finding("made", float(rng.normal(0, 2)), ViewHeat(bumpy((len(study.views()), 12, 12), rng)))
        result, maps = examined(study, [finding], THRESHOLDS[number % 3])
        check(result, study, maps, tmp_path / str(number))


def test_clouds(make_cloud, tmp_path):
    rng = np.random.default_rng(8)
    study = make_cloud(600).study
    height = study.cloud.points[:, 2]
    for number in range(CLOUDS):
        heat = expit(height / 10 * rng.uniform(0.1, 4) + rng.uniform(-4, 3)).astype(np.float32)
        finding = Finding("made", float(rng.normal(0, 2)), NativeHeat(heat))
        result, maps = examined(study, [finding], THRESHOLDS[number % 3])
        check(result, study, maps, tmp_path / str(number))


def test_a_faint_map_of_an_anomalous_photograph_is_raised_and_keeps_its_order(tmp_path):
    heat = np.full((1, 16, 16), 0.05, np.float32)
    heat[0, 4:6, 4:6] = 0.2
    study = ImageStudy(tmp_path / "a.png", np.full((64, 64, 3), 90, np.uint8))
    result, maps = examined(study, [Finding("made", 1.5, ViewHeat(heat))], 0.5)
    assert result.heatmap.raised > 1
    assert float(np.median(result.heatmap.values)) < 0.4
    assert np.unravel_index(maps[0].argmax(), (16, 16)) in {(4, 4), (4, 5), (5, 4), (5, 5)}
    (spot,) = result.regions
    assert spot.extent == "local"
    assert spot.centroid == pytest.approx((20, 20), abs=2)


def test_a_photograph_that_is_strange_all_over_has_a_global_region(tmp_path):
    study = ImageStudy(tmp_path / "a.png", np.full((64, 64, 3), 90, np.uint8))
    result, _ = examined(study, [Finding("made", 1.5, ViewHeat(np.full((1, 16, 16), 0.1, np.float32)))], 0.5)
    (whole,) = result.regions
    assert (whole.extent, whole.size) == ("global", 64 * 64)
    assert result.answer.fields["where"] is None
    assert "Most of it stands out: 4,096 px (100 % of the picture)" in result.answer.text
