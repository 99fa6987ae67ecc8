from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.mni import template


def moved(affine: np.ndarray, degrees: float, shift: float, scale: float) -> np.ndarray:
    move = np.eye(4)
    move[:3, :3] = scale * Rotation.from_euler("xyz", [degrees, -degrees, degrees], degrees=True).as_matrix()
    move[:3, 3] = shift
    return move @ affine


@pytest.mark.parametrize(("degrees", "shift", "scale"), [(0, 0, 1), (6, 15, 1.05), (-5, -20, 0.93)])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_moved_head_is_brought_back(brain, save_nifti, degrees, shift, scale, inverted):
    data, affine = brain
    shown = np.where(data > 0, 1.2 - data, 0).astype(np.float32) if inverted else data
    study = open_volume(save_nifti(shown, moved(affine, degrees, shift, scale)))

    assert study.to_mni is not None
    places = np.argwhere(data > 0)[::5000]
    truth = nib.affines.apply_affine(affine, places)
    found = nib.affines.apply_affine(study.to_mni @ study.scan.affine, places)
    assert np.linalg.norm(found - truth, axis=1).mean() < 3


def test_what_is_no_head_is_not_aligned(save_nifti):
    rng = np.random.default_rng(0)
    data = rng.normal(100, 5, (70, 90, 70)).astype(np.float32)
    data[:, :, :20] = 0
    study = open_volume(save_nifti(data, np.diag([6.0, 6.0, 6.0, 1.0])))
    assert study.anatomy.part != "head"
    assert study.to_mni is None


def test_the_template_is_whole():
    maps = template(2)
    assert maps.grey.shape == maps.white.shape == maps.brain.shape
    assert np.linalg.norm(maps.affine[:3, :3], axis=0) == pytest.approx([2, 2, 2])
    assert 1.7e6 < maps.brain.sum() * 8 < 2.0e6
