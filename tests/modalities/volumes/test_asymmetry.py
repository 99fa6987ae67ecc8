from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.asymmetry import coarse_head, find_mirror_plane, midsagittal_asymmetry


@pytest.fixture
def symmetric(brain) -> tuple[np.ndarray, np.ndarray]:
    """The template averaged with its own mirror image: column 49 lies at x = 0."""
    data, affine = brain
    return (data + data[::-1]) / 2, affine


def turned(data: np.ndarray, degrees: float, shift: int) -> np.ndarray:
    from scipy import ndimage

    rotated = ndimage.rotate(data, degrees, axes=(0, 1), reshape=False, order=1)
    return np.roll(rotated, shift, axis=0)


@pytest.mark.parametrize(("degrees", "shift"), [(0.0, 0), (6.0, 3), (-5.0, -2)])
def test_mirror_plane_follows_the_head(symmetric, save_nifti, degrees, shift):
    data, affine = symmetric
    study = open_volume(save_nifti(turned(data, degrees, shift), affine))
    plane = find_mirror_plane(coarse_head(study))

    middle = np.array(data.shape) / 2 - 0.5
    at_middle = plane.at + plane.by_y * middle[1] * 2 + plane.by_z * middle[2] * 2
    assert at_middle == pytest.approx((middle[0] + shift) * 2, abs=1.5)
    assert np.degrees(np.arctan(abs(plane.by_y))) == pytest.approx(abs(degrees), abs=1.0)
    assert plane.by_z == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR"])
@pytest.mark.parametrize("planes", ["axial", "all"])
def test_what_is_on_one_side_only_is_found_there(brain, save_nifti, codes, planes):
    data, affine = brain
    place, opposite = (34.0, -20.0, 30.0), (-34.0, -20.0, 30.0)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in data.shape), indexing="ij"), axis=-1)
    data[np.linalg.norm(nib.affines.apply_affine(affine, grid) - place, axis=-1) < 12] = 0.2
    image = nib.Nifti1Image(data, affine)
    wanted = nib.orientations.axcodes2ornt(codes)
    image = image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(affine), wanted))
    study = open_volume(save_nifti(np.asarray(image.dataobj), image.affine), planes=planes)

    maps = midsagittal_asymmetry(study, (24, 24))
    voxel_map = study.lift(maps)
    to_voxel = np.linalg.inv(image.affine)
    here, there = (
        voxel_map.values[tuple(np.rint(nib.affines.apply_affine(to_voxel, world)).astype(int))]
        for world in (place, opposite)
    )

    assert maps.shape == (len(study.views()), 24, 24)
    assert 0 <= maps.min() <= maps.max() <= 1
    assert here > there
    assert here > np.percentile(voxel_map.values[voxel_map.foreground], 99)


def test_symmetric_heads_have_little_of_it(symmetric, save_nifti):
    study = open_volume(save_nifti(*symmetric))
    values = study.lift(midsagittal_asymmetry(study)).values
    assert np.mean(values > 0.5) < 0.02
