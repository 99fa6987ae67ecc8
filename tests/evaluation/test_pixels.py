from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import average_precision_score, roc_auc_score

from looktwice.core.errors import InputError
from looktwice.evaluation import bootstrap
from looktwice.evaluation.pixels import BINS, COARSE, PixelHistograms
from looktwice.evaluation.regions import label_points


def slow_aupro(maps, masks, limit, components=None):
    """Per-region overlap at every distinct score, integrated over the false-positive rate up to `limit`."""
    regions = []
    for index, (values, mask) in enumerate(zip(maps, masks, strict=True)):
        if components is None:
            labels, count = ndimage.label(mask, structure=np.ones((3,) * mask.ndim))
        else:
            labels, count = components[index]
        regions += [values[labels == number] for number in range(1, count + 1)]
    normal = np.concatenate([values[~mask] for values, mask in zip(maps, masks, strict=True)])
    thresholds = np.unique(np.concatenate([values.ravel() for values in maps]))[::-1]
    rates, overlaps = [0.0], [0.0]
    for threshold in thresholds:
        rates.append(np.mean(normal >= threshold))
        overlaps.append(np.mean([np.mean(region >= threshold) for region in regions]))
    rates, overlaps = np.array(rates), np.array(overlaps)
    grid = np.unique(np.r_[rates[rates < limit], limit])
    # At a rate that several thresholds share, the curve is vertical: it enters at the lowest and leaves at the highest.
    area = 0.0
    for left, right in pairwise(grid):
        leaves = overlaps[rates == left].max()
        after = np.flatnonzero(rates > left)[0]
        slope = (overlaps[after] - leaves) / (rates[after] - left)
        area += (right - left) * (leaves + slope * (right - left) / 2)
    return area / limit


def slow_f1_max(labels, scores):
    best = 0.0
    for threshold in np.unique(scores):
        called = scores >= threshold
        best = max(best, 2 * np.sum(called & (labels == 1)) / (np.sum(called) + np.sum(labels == 1)))
    return best


def slow_dice_max(maps, masks, thresholds):
    pairs = [(values, mask) for values, mask in zip(maps, masks, strict=True) if mask.any()]
    return max(np.mean([2 * np.sum((v >= t) & m) / (np.sum(v >= t) + np.sum(m)) for v, m in pairs]) for t in thresholds)


def blobs(shape, count, seed, anomalous=True):
    """Smooth random maps that are higher, but not cleanly, inside random boxes."""
    generator = np.random.default_rng(seed)
    maps, masks = [], []
    for index in range(count):
        mask = np.zeros(shape, bool)
        for _ in range(generator.integers(1, 4) if anomalous and index % 2 else 0):
            corner = [generator.integers(0, side - 4) for side in shape]
            mask[tuple(slice(low, low + generator.integers(1, 4)) for low in corner)] = True
        values = generator.random(shape) * 0.7 + 0.3 * mask * generator.random(shape)
        maps.append(values.astype(np.float32))
        masks.append(mask)
    return maps, masks


def counted(maps, masks, points=None):
    histograms = PixelHistograms()
    for values, mask in zip(maps, masks, strict=True):
        histograms.add(values, mask, points)
    return histograms


@pytest.mark.parametrize("shape", [(24, 31), (9, 10, 11)])
def test_pixel_and_voxel_metrics_equal_their_definitions(shape):
    maps, masks = blobs(shape, 6, seed=7)
    found = counted(maps, masks).metrics()
    labels = np.concatenate([mask.ravel() for mask in masks])
    scores = np.concatenate([values.ravel() for values in maps])
    rounded = np.floor(scores * BINS)
    assert found["pixel_auroc"] == pytest.approx(roc_auc_score(labels, rounded), abs=1e-12)
    assert found["pixel_auroc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-4)
    assert found["pixel_ap"] == pytest.approx(average_precision_score(labels, rounded), abs=1e-12)
    assert found["pixel_f1max"] == pytest.approx(slow_f1_max(labels, rounded), abs=1e-12)
    binned = [np.floor(values * BINS) for values in maps]
    assert found["aupro"] == pytest.approx(slow_aupro(binned, masks, 0.3), abs=1e-9)
    assert found["aupro_05"] == pytest.approx(slow_aupro(binned, masks, 0.05), abs=1e-9)
    thresholds = np.arange(COARSE) / COARSE
    assert found["best_dice"] == pytest.approx(slow_dice_max(maps, masks, thresholds), abs=1e-6)


def test_point_metrics_join_points_to_regions():
    generator = np.random.default_rng(2)
    points = np.stack(np.meshgrid(np.arange(40.0), np.arange(12.0), [0.0]), -1).reshape(-1, 3)
    mask = (points[:, 0] < 3) | (np.abs(points[:, 0] - 25) < 8)
    values = (generator.random(len(points)) * 0.6 + 0.4 * mask * (points[:, 0] < 3)).astype(np.float32)
    found = counted([values], [mask], points).metrics()
    binned = [np.floor(values * BINS)]
    components = [label_points(mask, points)]
    assert components[0][1] == 2
    assert found["aupro"] == pytest.approx(slow_aupro(binned, [mask], 0.3, components), abs=1e-9)
    without = counted([values], [mask]).metrics()
    assert without["aupro"] < found["aupro"], "the small region that is found weighs half, not its few points"
    assert without["pixel_auroc"] == found["pixel_auroc"]


def test_error_bound_holds_where_scores_crowd_into_few_bins():
    generator = np.random.default_rng(4)
    mask = generator.random((50, 50)) < 0.2
    values = ((generator.random((50, 50)) + 0.5 * mask) * 5 / BINS).astype(np.float32)
    histograms = counted([values], [mask])
    error = abs(histograms.metrics()["pixel_auroc"] - roc_auc_score(mask.ravel(), values.ravel()))
    assert 1e-4 < error <= histograms.auroc_error()


def test_batches_merge_and_survive_storage():
    maps, masks = blobs((16, 16), 6, seed=1)
    whole = counted(maps, masks)
    first, second = counted(maps[:2], masks[:2]), counted(maps[2:], masks[2:])
    first.merge(PixelHistograms.from_bytes(second.to_bytes()))
    assert first.metrics() == pytest.approx(whole.metrics(), abs=1e-12)
    groups = list(range(6))
    for name, values in whole.intervals(groups, replicates=20).items():
        np.testing.assert_allclose(first.intervals(groups, replicates=20)[name], values, atol=1e-9)
    empty = PixelHistograms.from_bytes(PixelHistograms().to_bytes())
    assert set(empty.metrics().values()) == {None}
    assert empty.auroc_error() is None
    assert empty.intervals([]) == {}


def test_interval_surrounds_the_figure_and_shrinks_with_more_samples():
    widths = []
    for count in (10, 80):
        histograms = counted(*blobs((16, 16), count, seed=3))
        figures = histograms.metrics()
        drawn = histograms.intervals(list(range(count)), replicates=200)
        for name, values in drawn.items():
            low, high = bootstrap.interval(values)
            assert low <= figures[name] <= high
        low, high = bootstrap.interval(drawn["pixel_auroc"])
        widths.append(high - low)
    assert widths[1] < widths[0]


def test_only_normal_pixels_give_none():
    maps, masks = blobs((16, 16), 3, seed=0, anomalous=False)
    assert set(counted(maps, masks).metrics().values()) == {None}


def test_bad_maps_are_refused_and_leave_no_trace():
    histograms = PixelHistograms()
    with pytest.raises(InputError, match=r"4×4.*4×5"):
        histograms.add(np.zeros((4, 4), np.float32), np.zeros((4, 5), bool))
    with pytest.raises(InputError, match="NaN"):
        histograms.add(np.full((4, 4), np.nan, np.float32), np.zeros((4, 4), bool))
    assert not histograms.normal.any()
    assert not histograms.samples
