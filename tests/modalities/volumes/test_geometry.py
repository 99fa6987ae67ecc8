"""A place in millimetres goes through views and maps and comes back, whatever the input's orientation."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from looktwice.modalities.volumes import open_volume

BLOB = (30.0, -56.0, 26.0)
WIDE = "1.5,3"
"""A window in which only the blob is white."""


def reoriented(data: np.ndarray, affine: np.ndarray, codes: str) -> tuple[np.ndarray, np.ndarray]:
    image = nib.Nifti1Image(data, affine)
    wanted = nib.orientations.axcodes2ornt(codes)
    turned = image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(affine), wanted))
    return np.asarray(turned.dataobj), turned.affine


def rotated(affine: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    about_x = nib.eulerangles.euler2mat(0, 0, angle)
    about_z = nib.eulerangles.euler2mat(angle / 2, 0, 0)
    turn = np.eye(4)
    turn[:3, :3] = about_x @ about_z
    return turn @ affine


@pytest.mark.parametrize("planes", ["axial", "all"])
@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL", "ILA"])
def test_blob_comes_back_in_any_orientation(brain, add_blob, brightness_maps, save_nifti, codes, planes):
    data, affine = brain
    add_blob(data, affine, BLOB)
    data, affine = reoriented(data, affine, codes)
    study = open_volume(save_nifti(data, affine), planes=planes, window=WIDE)

    voxel_map = study.lift(brightness_maps(study))
    region = voxel_map.regions(0.3)[0]

    assert voxel_map.values.shape == data.shape
    assert np.linalg.norm(np.subtract(region.centroid_world_mm, BLOB)) < 2.0
    voxel = nib.affines.apply_affine(np.linalg.inv(affine), BLOB)
    np.testing.assert_allclose(region.centroid, voxel, atol=1.0)
    hottest = np.unravel_index(np.argmax(voxel_map.values), data.shape)
    assert data[hottest] > 2
    assert region.details["laterality"] == "right"
    assert region.details["position"] == "right parietal lobe"


@pytest.mark.parametrize("degrees", [-25.0, 12.0])
def test_blob_comes_back_from_an_oblique_scan(brain, add_blob, brightness_maps, save_nifti, degrees):
    data, affine = brain
    add_blob(data, affine, BLOB)
    oblique = rotated(affine, degrees)
    world = nib.affines.apply_affine(oblique @ np.linalg.inv(affine), BLOB)
    study = open_volume(save_nifti(data, oblique), window=WIDE)

    region = study.lift(brightness_maps(study)).regions(0.3)[0]

    assert np.linalg.norm(np.subtract(region.centroid_world_mm, world)) < 2.0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_blob_comes_back_from_thick_slices(brain, add_blob, brightness_maps, save_nifti, axis):
    data, affine = brain
    add_blob(data, affine, BLOB, radius=10)
    keep = [slice(None)] * 3
    keep[axis] = slice(None, None, 3)
    thick = affine @ np.diag([3.0 if other == axis else 1.0 for other in (0, 1, 2, 3)])
    study = open_volume(save_nifti(data[tuple(keep)], thick), window=WIDE)

    views = study.views()
    region = study.lift(brightness_maps(study)).regions(0.3)[0]

    assert np.linalg.norm(np.subtract(region.centroid_world_mm, BLOB)) < 4.0
    assert views[0].name.startswith(("sagittal", "coronal", "axial")[axis])


def test_blob_comes_back_from_sheared_slices(brain, add_blob, brightness_maps, save_nifti):
    data, affine = brain
    sheared = affine.copy()
    sheared[:3, 2] += (0, 0.5, 0)
    add_blob(data, sheared, (24.0, 0.0, 26.0))
    study = open_volume(save_nifti(data, sheared), window=WIDE)

    region = study.lift(brightness_maps(study)).regions(0.3)[0]

    assert np.linalg.norm(np.subtract(region.centroid_world_mm, (24.0, 0.0, 26.0))) < 2.0


def test_squashed_pixels_are_shown_square(brain, save_nifti):
    data, affine = brain
    full = open_volume(save_nifti(data, affine)).views()
    halved = open_volume(save_nifti(data[::2], affine @ np.diag([2.0, 1, 1, 1]), "half.nii.gz")).views()
    middle = full[len(full) // 2].image.astype(int), halved[len(halved) // 2].image.astype(int)

    assert all(picture.shape[0] == picture.shape[1] for picture in middle)
    assert abs(len(full) - len(halved)) <= 1

    def proportions(picture: np.ndarray) -> float:
        rows, columns = np.nonzero(picture[..., 0] > 20)
        return float(np.ptp(columns) / np.ptp(rows))

    assert proportions(middle[0]) == pytest.approx(proportions(middle[1]), rel=0.05)


def test_pictures_follow_the_radiological_convention(brain, add_blob, save_nifti):
    data, affine = brain
    add_blob(data, affine, (40.0, 30.0, 20.0))  # right, front, above the middle
    study = open_volume(save_nifti(data, affine), planes="all", window=WIDE)
    brightest = {}
    for view in study.views():
        white = view.image[..., 0] > 200
        if np.count_nonzero(white) > np.count_nonzero(brightest.get(view.anchor[0], (np.zeros(1),))[0]):
            brightest[view.anchor[0]] = (white,)
    middles = {plane: np.argwhere(white).mean(axis=0) / len(white) for plane, (white,) in brightest.items()}

    assert middles["axial"][0] < 0.5, "anterior is up"
    assert middles["axial"][1] < 0.5, "the patient's right is on the left"
    assert middles["coronal"][0] < 0.5, "superior is up"
    assert middles["coronal"][1] < 0.5, "the patient's right is on the left"
    assert middles["sagittal"][1] < 0.5, "anterior is on the left"


def test_nothing_is_hot_where_maps_are_empty(brain, save_nifti):
    study = open_volume(save_nifti(*brain))
    voxel_map = study.lift(np.zeros((len(study.views()), 8, 8)))

    assert voxel_map.values.max() == 0
    assert voxel_map.regions(0.1) == []


def test_full_maps_fill_exactly_the_foreground(brain, save_nifti):
    data, affine = brain
    study = open_volume(save_nifti(data, affine), planes="all")
    voxel_map = study.lift(np.ones((len(study.views()), 8, 8)))

    np.testing.assert_allclose(voxel_map.values[voxel_map.foreground], 1, atol=1e-5)
    assert voxel_map.values[~voxel_map.foreground].max() == 0
    agreement = np.mean(voxel_map.foreground == (data > 0.1))
    assert agreement > 0.97


def test_smoothing_is_in_millimetres(brain, save_nifti):
    """One hot slice spreads as far in millimetres along thick slices as along thin ones."""
    data, affine = brain
    widths = []
    for step in (1, 2):
        study = open_volume(save_nifti(data[:, :, ::step], affine @ np.diag([1, 1, step, 1.0])))
        maps = np.zeros((len(study.views()), 4, 4))
        maps[len(maps) // 2] = 1
        profile = study.lift(maps, smoothing_mm=8.0).values[49, 58]
        at = np.arange(len(profile)) * 2.0 * step
        centre = np.average(at, weights=profile)
        widths.append(np.sqrt(np.average((at - centre) ** 2, weights=profile)))

    assert widths == pytest.approx([8.0, 8.0], rel=0.1)
