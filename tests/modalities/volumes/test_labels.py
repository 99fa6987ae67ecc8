from __future__ import annotations

import numpy as np
import pytest

from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.labels import looks_like_labels
from looktwice.modalities.volumes.voxels import Voxels


@pytest.fixture
def labels() -> np.ndarray:
    values = np.zeros((40, 36, 30), np.int16)
    for number in range(1, 9):
        values[4 * number : 4 * number + 4, 6:30, 5:25] = 11 * number
    return values


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64])
def test_a_label_map_is_noted(labels, save_nifti, dtype):
    study = open_volume(save_nifti(labels.astype(dtype), np.diag([2.0, 2, 3, 1])))
    assert any("label map" in note for note in study.notes)


def test_a_mask_is_a_label_map(labels, save_nifti):
    study = open_volume(save_nifti((labels > 0).astype(np.uint8), np.diag([2.0, 2, 3, 1])))
    assert any("label map" in note for note in study.notes)


def test_a_scan_is_not_noted(brain, save_nifti):
    data, affine = brain
    for levels in (255, 4095):
        study = open_volume(save_nifti(np.rint(data / data.max() * levels).astype(np.int16), affine))
        assert not any("label map" in note for note in study.notes)


def test_a_scan_in_few_grey_levels_is_none(brain):
    data, _ = brain
    assert not looks_like_labels(Voxels(np.rint(data / data.max() * 40)))
