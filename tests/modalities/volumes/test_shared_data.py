"""Real scans that are too large to ship."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from looktwice.modalities.volumes import open_volume

pytestmark = pytest.mark.data

CLINICAL = ["CT_AVM", "CT_pitch", "MR_Gd"]


@pytest.mark.parametrize("name", CLINICAL)
def test_clinical_scans_come_back_in_their_own_space(data_folder, tmp_path, name):
    path = data_folder / "medical" / "volumes" / "clinical" / f"{name}.nii.gz"
    study = open_volume(path)
    voxel_map = study.lift(np.random.default_rng(0).random((len(study.views()), 14, 14)))
    voxel_map.save(tmp_path / "heat.nii.gz")
    given, heat = nib.load(path), nib.load(tmp_path / "heat.nii.gz")

    assert study.anatomy.part == "head"
    assert heat.shape == given.shape
    np.testing.assert_array_equal(heat.affine, given.affine)
    assert (heat.header["qform_code"], heat.header["sform_code"]) == (
        given.header["qform_code"],
        given.header["sform_code"],
    )
    assert 0.1 < voxel_map.foreground.mean() < 0.8


def test_lesions_survive_the_way_through_maps_of_28_cells(data_folder, save_nifti, brightness_maps):
    """Maps that are right tell lesion voxels from all others in the head: what is lost is not lost by lifting."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    folder = data_folder / "medical" / "volumes" / "ms_patient07"
    flair = nib.load(next(folder.glob("FLAIR*")))
    lesions = np.asarray(nib.load(next(folder.glob("GOLD*"))).dataobj) > 0
    painted = np.where(lesions, 1000, np.asarray(flair.dataobj)).astype(np.float32)
    study = open_volume(save_nifti(painted, flair.affine), window="600,600")

    voxel_map = study.lift(brightness_maps(study, 28))

    inside = voxel_map.foreground
    assert lesions[~inside].sum() == 0
    assert roc_auc_score(lesions[inside], voxel_map.values[inside]) > 0.98
    assert average_precision_score(lesions[inside], voxel_map.values[inside]) > 0.25
