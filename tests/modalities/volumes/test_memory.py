"""Volumes in memory: the same voxels at the same millimetres, whichever library they come from."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
import torch
from monai.data import MetaTensor

from looktwice import modalities
from looktwice.core.errors import InputError, UsageError

# The patient's left is negative in RAS.
BALL_MM = np.array([-24.0, 14.0, 10.0])
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def placed(codes: str) -> nib.Nifti1Image:
    """Return a head-like ellipsoid, tilted, in an orientation, with a bright ball at `BALL_MM`."""
    counts, spacing, tilt = np.array([60, 72, 50]), np.array([2.5, 2.5, 3.0]), 0.1
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = -affine[:3, :3] @ (counts - 1) / 2
    world = nib.affines.apply_affine(affine, np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), axis=-1))
    data = (np.linalg.norm(world / (66, 82, 66), axis=-1) < 1) * 300.0
    data[np.linalg.norm(world - BALL_MM, axis=-1) < 10] = 900
    image = nib.Nifti1Image(data.astype(np.float32), affine)
    start, end = nib.io_orientation(affine), nib.orientations.axcodes2ornt(codes)
    return image.as_reoriented(nib.orientations.ornt_transform(start, end))


def as_nibabel(image):
    return image, {}


def as_array(image):
    return np.asarray(image.dataobj), {"affine": image.affine}


def as_tensor(image):
    return torch.from_numpy(np.asarray(image.dataobj).copy()), {"affine": torch.from_numpy(image.affine)}


def as_metatensor(image):
    values = torch.from_numpy(np.asarray(image.dataobj).copy())
    return MetaTensor(values[None], affine=torch.from_numpy(image.affine), meta={"space": "RAS"}), {}


def as_metatensor_in_lps(image):
    values = torch.from_numpy(np.asarray(image.dataobj).copy())
    return MetaTensor(values, affine=torch.from_numpy(LPS @ image.affine), meta={"space": "LPS"}), {}


def as_itk(image):
    made = SimpleITK.GetImageFromArray(np.asarray(image.dataobj).T)
    lps = LPS @ image.affine
    sizes = np.linalg.norm(lps[:3, :3], axis=0)
    made.SetSpacing(sizes.tolist())
    made.SetOrigin(lps[:3, 3].tolist())
    made.SetDirection((lps[:3, :3] / sizes).ravel().tolist())
    return made, {}


FORMS = [as_nibabel, as_array, as_tensor, as_metatensor, as_metatensor_in_lps, as_itk]


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR"])
@pytest.mark.parametrize("form", FORMS)
def test_a_ball_on_the_patients_left_comes_back_at_its_voxel_and_its_millimetres(form, codes, brightness_maps):
    image = placed(codes)
    data, options = form(image)
    study = modalities.open(data, **options)
    assert study.modality is modalities.Modality.VOLUME
    assert study.medical
    np.testing.assert_array_equal(study.scan.voxels[:, :, :], np.asarray(image.dataobj))
    np.testing.assert_allclose(study.scan.affine, image.affine, atol=1e-5)
    region = study.lift(brightness_maps(study)).regions(0.3)[0]
    voxel = np.linalg.solve(image.affine, [*BALL_MM, 1])[:3]
    np.testing.assert_allclose(region.centroid, voxel, atol=1.0)
    np.testing.assert_allclose(region.centroid_world_mm, BALL_MM, atol=2.5)
    assert region.details["laterality"] == "left"


@pytest.mark.parametrize("form", FORMS)
def test_the_heatmap_lies_on_the_grid_that_was_given(form, tmp_path):
    image = placed("LAS")
    data, options = form(image)
    study = modalities.open(data, **options)
    study.lift(np.zeros((len(study.views()), 4, 4))).write(tmp_path)
    written = nib.load(tmp_path / "heatmap.nii.gz")
    assert written.shape == image.shape
    np.testing.assert_allclose(written.affine, image.affine, atol=1e-5)


def test_a_nibabel_image_is_the_volume_that_its_file_is(save_nifti):
    image = placed("PIR")
    image.header["descrip"] = b"DOE^JANE"
    path = save_nifti(np.asarray(image.dataobj), image.affine)
    read, held = modalities.open(path), modalities.open(nib.load(path))
    assert [view.name for view in read.views()] == [view.name for view in held.views()]
    np.testing.assert_array_equal(read.views()[3].image, held.views()[3].image)
    assert read.scan.header["descrip"] == held.scan.header["descrip"]


def test_an_affine_that_was_set_after_the_image_was_made_counts():
    image = placed("RAS")
    moved = nib.Nifti1Image(image.dataobj, image.affine)
    moved.affine[0, 3] += 30
    assert modalities.open(moved).scan.affine[0, 3] == pytest.approx(image.affine[0, 3] + 30)


def test_names_and_sources_hold_no_path():
    image = placed("RAS")
    for form, name in ((as_nibabel, "volume"), (as_itk, "volume"), (as_metatensor, "volume"), (as_array, "array")):
        data, options = form(image)
        study = modalities.open(data, **options)
        assert (study.name, str(study.source)) == (name, name)
    named = modalities.open(image, name="case 7")
    assert (named.name, str(named.source)) == ("case 7", "case 7")


def test_spacing_alone_takes_the_axes_as_right_front_and_head():
    study = modalities.open(np.asarray(placed("RAS").dataobj), spacing=(1, 2, 3))
    np.testing.assert_array_equal(study.scan.affine, np.diag([1, 2, 3, 1]))
    assert any("left and right are not certain" in note for note in study.notes)


def four(image) -> np.ndarray:
    values = np.asarray(image.dataobj)
    return np.stack([values, values[::-1]])


@pytest.mark.parametrize("form", ["nibabel", "metatensor", "tensor", "itk 4D", "itk vector"])
def test_of_several_volumes_the_caller_says_which(form):
    image = placed("RAS")
    both = four(image)
    options = {}
    if form == "nibabel":
        data = nib.Nifti1Image(np.moveaxis(both, 0, -1), image.affine)
    elif form == "metatensor":
        data = MetaTensor(torch.from_numpy(both), affine=torch.from_numpy(image.affine))
    elif form == "tensor":
        data, options = torch.from_numpy(both), {"affine": image.affine}
    elif form == "itk 4D":
        data = SimpleITK.GetImageFromArray(both.transpose(0, 3, 2, 1), isVector=False)
    else:
        data = SimpleITK.GetImageFromArray(both.transpose(3, 2, 1, 0), isVector=True)
    with pytest.raises(InputError, match="holds 2 volumes; say which with channel=0 to 1"):
        modalities.open(data, **options)
    with pytest.raises(InputError, match="there is no channel 2"):
        modalities.open(data, channel=2, **options)
    np.testing.assert_array_equal(modalities.open(data, channel=1, **options).scan.voxels[:, :, :], both[1])


@pytest.mark.parametrize("shape", [(12, 13, 14), (3, 12, 14)])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_an_array_of_voxels_needs_its_geometry(shape, dtype):
    with pytest.raises(InputError, match=r"array of shape .* needs affine= .* or spacing=") as error:
        modalities.open(np.ones(shape, dtype))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "affine",
    [
        np.eye(3),
        np.zeros((4, 4)),
        np.full((4, 4), np.nan),
        np.diag([1.0, 1, 1, 2]),
    ],
)
def test_an_affine_that_cannot_be_one_is_refused(affine):
    with pytest.raises(UsageError, match="affine is not usable"):
        modalities.open(np.ones((5, 6, 7)), affine=affine)


@pytest.mark.parametrize("spacing", [(1, 2), (0, 1, 1), (1, 1, np.inf), (-1, 1, 1)])
def test_a_spacing_that_cannot_be_one_is_refused(spacing):
    with pytest.raises(UsageError, match="three lengths in millimetres"):
        modalities.open(np.ones((5, 6, 7)), spacing=spacing)


def test_geometry_is_given_once_and_only_to_what_has_none(save_nifti):
    image = placed("RAS")
    values = np.asarray(image.dataobj)
    with pytest.raises(UsageError, match="takes only one of"):
        modalities.open(values, affine=image.affine, spacing=(1, 1, 1))
    with pytest.raises(UsageError, match="states its own geometry"):
        modalities.open(image, spacing=(1, 1, 1))
    with pytest.raises(UsageError, match="states its own geometry"):
        modalities.open(save_nifti(values), affine=image.affine)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((9, 9, 9)), "array: all voxels have the same value"),
        (np.full((9, 9, 9), np.nan), "array: no voxel has a finite value"),
        (np.zeros((9, 0, 9)), "contains no voxels"),
        (np.zeros((9, 9)), r"shape \(9, 9\) .* numbers in the shape \(I, J, K\)"),
        (np.zeros((2, 9, 9, 9)), r"shape \(2, 9, 9, 9\) .* numbers in the shape \(I, J, K\)"),
        (np.zeros((9, 9, 9), complex), "dtype complex128: a volume holds numbers"),
        (np.zeros((9, 9, 9), object), "dtype object: a volume holds numbers"),
    ],
)
def test_what_is_no_volume_is_refused_in_one_line(values, message):
    with pytest.raises(InputError, match=message) as error:
        modalities.open(values, spacing=(1, 1, 1))
    assert "\n" not in str(error.value)


def test_voxels_that_are_not_finite_count_as_background():
    values = np.asarray(placed("RAS").dataobj).copy()
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    assert any("3 of" in note for note in modalities.open(values, spacing=(2.5, 2.5, 3)).notes)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint16, np.int64, np.float16, np.float64, ">f4"])
def test_numbers_of_every_type_are_read(dtype):
    values = (np.asarray(placed("RAS").dataobj) > 400).astype(dtype)
    study = modalities.open(values, spacing=(2.5, 2.5, 3))
    assert study.scan.voxels[:, :, :].max() == 1
    assert len(study.views()) > 3


def test_bfloat16_is_read():
    values = torch.from_numpy(np.asarray(placed("RAS").dataobj).copy()).bfloat16()
    assert modalities.open(values, spacing=(2.5, 2.5, 3)).scan.voxels[:, :, :].max() > 890
