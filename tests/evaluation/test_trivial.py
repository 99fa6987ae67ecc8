from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from looktwice.evaluation.trivial import FEATURES, blockiness, measure_shortcuts, shortcut_aurocs


def texture(seed=0):
    values = gaussian_filter(np.random.default_rng(seed).random((96, 128)), 1.5)
    return (255 * (values - values.min()) / np.ptp(values)).astype(np.uint8)


def through_jpeg(values, quality):
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), np.float32)


def test_blockiness_grows_with_jpeg_compression():
    original = texture()
    levels = [blockiness(original.astype(np.float32))]
    levels += [blockiness(through_jpeg(original, quality)) for quality in (90, 30, 5)]
    assert levels[0] == pytest.approx(1.0, abs=0.1)
    assert levels[1] < levels[2] < levels[3]
    assert levels[3] > 1.5


def test_blockiness_of_tiny_and_flat_pictures():
    assert blockiness(np.zeros((3, 3), np.float32)) == 1.0
    assert blockiness(np.full((32, 32), 7, np.float32)) == 1.0


def test_measures_of_a_picture(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"12345")
    picture = np.zeros((10, 20, 3), np.uint8)
    picture[:, 10:] = 200
    found = measure_shortcuts(path, (10, 20), picture)
    assert list(found) == list(FEATURES)
    assert (found["width"], found["height"], found["file_size"]) == (20, 10, 5)
    assert (found["mean"], found["contrast"]) == pytest.approx((100, 100), abs=1e-3)
    other = measure_shortcuts(path, (10, 20, 30))
    assert other["width"] is other["mean"] is None


def test_each_feature_ranks_either_way_round():
    labels = [0, 0, 1, 1]
    rows = [{"width": 10.0, "mean": 4.0 - label, "contrast": None} for label in labels]
    found = shortcut_aurocs(labels, rows)
    assert found["mean"] == 1.0, "anomalous pictures are darker: ranked by the reversed feature"
    assert found["width"] == 0.5
    assert found["contrast"] is found["file_size"] is None
    assert found["best"] == {"feature": "mean", "auroc": 1.0}
    assert found["measure"] == "max(AUROC, 1 - AUROC)"


def test_one_class_has_no_trivial_predictor():
    assert shortcut_aurocs([1, 1], [{"width": 1.0}, {"width": 2.0}])["best"] is None
    assert shortcut_aurocs([], [])["best"] is None
