"""A single slice or a thin slab shows something only in its own plane, whichever that is."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.modalities.volumes import open_volume

PLANES = ("sagittal", "coronal", "axial")
IOP = {"axial": [1, 0, 0, 0, 1, 0], "coronal": [1, 0, 0, 0, 0, -1], "sagittal": [0, 1, 0, 0, 0, -1]}


@pytest.mark.parametrize("asked", ["axial", "all"])
@pytest.mark.parametrize("thickness", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("count", [1, 2, 6])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_views_of_a_slab_are_its_slices(brain, save_nifti, axis, count, thickness, asked):
    data, affine = brain
    keep = [slice(None)] * 3
    keep[axis] = slice(48, 48 + count)
    sizes = [1.0] * 4
    sizes[axis] = thickness / 2
    study = open_volume(save_nifti(data[tuple(keep)], affine @ np.diag(sizes)), planes=asked)

    views = study.views()
    assert len(views) == count
    assert all(view.name.startswith(PLANES[axis]) for view in views)
    assert min(views[0].image.shape[:2]) > 60
    assert study.lift(np.ones((count, 6, 6))).values.shape == study.scan.voxels.shape


@pytest.mark.parametrize("plane", PLANES)
def test_a_single_dicom_slice_is_one_view(write_series, brain, plane):
    data, _ = brain
    picture = np.rint(data[:, :, 45:46] / data.max() * 1000)

    def turn(dataset, index: int) -> None:
        dataset.ImageOrientationPatient = IOP[plane]

    affine = np.diag([-2.0, -2.0, 5.0, 1.0])
    (view,) = open_volume(write_series(picture, affine, modality="MR", change=turn)).views()
    assert view.name.startswith(plane)
    assert min(view.image.shape[:2]) > 60


@pytest.mark.parametrize("planes", ["axial", "all"])
def test_a_whole_head_is_no_slab(brain, save_nifti, planes):
    data, affine = brain
    study = open_volume(save_nifti(data[:, :, ::4], affine @ np.diag([1, 1, 4, 1.0])), planes=planes)
    assert {view.name.split()[0] for view in study.views()} == ({"axial"} if planes == "axial" else set(PLANES))
