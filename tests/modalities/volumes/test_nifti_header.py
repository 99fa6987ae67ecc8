"""Headers that contradict themselves: repaired, one geometry chosen, and what was done is a note."""

from __future__ import annotations

import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from looktwice.modalities.volumes import open_volume

RIGHT = np.array([[2.0, 0, 0, -20], [0, 2.0, 0, -24], [0, 0, 3.0, -30], [0, 0, 0, 1]])
LEFT = np.diag([-1.0, 1, 1, 1]) @ RIGHT
SFORM, QUATERNION, PIXDIM, SLOPE, UNITS = 280, 256, 76, 112, 123


@pytest.fixture
def data() -> np.ndarray:
    values = np.zeros((20, 24, 22), np.int16)
    values[3:-3, 4:-4, 3:-3] = np.random.default_rng(0).integers(80, 120, (14, 16, 16))
    return values


@pytest.fixture
def written(tmp_path: Path, data: np.ndarray):
    """Write a file with both forms, then change bytes of its header, each given as (where, format, values ...)."""

    def write(qform, qcode, sform, scode, *patches) -> Path:
        path = tmp_path / "case.nii"
        image = nib.Nifti1Image(data, np.eye(4))
        image.set_qform(qform, qcode)
        image.set_sform(sform, scode)
        image.to_filename(path)
        content = bytearray(path.read_bytes())
        for at, form, *values in patches:
            struct.pack_into(f"<{form}", content, at, *values)
        path.write_bytes(content)
        return path

    return write


def heatmap(study, folder: Path) -> nib.Nifti1Image:
    study.lift(np.ones((len(study.views()), 4, 4))).save(folder / "heat.nii.gz")
    return nib.load(folder / "heat.nii.gz")


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_the_qform_is_used_where_the_sform_is_not_usable(written, tmp_path, bad):
    study = open_volume(written(RIGHT, 1, RIGHT, 1, (SFORM, "12f", *[bad] * 12)))

    np.testing.assert_allclose(study.scan.affine, RIGHT, atol=1e-5)
    assert "the sform is not usable; the qform is used" in study.notes
    heat = heatmap(study, tmp_path)
    np.testing.assert_allclose(heat.get_sform(), RIGHT, atol=1e-5)
    np.testing.assert_allclose(heat.affine, RIGHT, atol=1e-5)


def test_a_flat_sform_is_not_usable(written):
    flat = RIGHT.copy()
    flat[:3, 2] = flat[:3, 1]
    study = open_volume(written(RIGHT, 1, flat, 1))

    np.testing.assert_allclose(study.scan.affine, RIGHT, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_sform_is_used_where_the_qform_is_not_usable(written, tmp_path, bad):
    study = open_volume(written(RIGHT, 1, LEFT, 1, (QUATERNION, "3f", bad, bad, bad)))

    np.testing.assert_allclose(study.scan.affine, LEFT, atol=1e-5)
    assert any("qform is no rotation" in note for note in study.notes)
    heat = heatmap(study, tmp_path)
    assert heat.header["qform_code"] == 0
    np.testing.assert_allclose(heat.affine, LEFT, atol=1e-5)


def test_forms_that_name_other_sides_are_noted(written):
    path = written(LEFT, 1, RIGHT, 2)
    study = open_volume(path)

    np.testing.assert_allclose(study.scan.affine, RIGHT, atol=1e-5)
    assert any("other sides of the patient (RAS, LAS)" in note for note in study.notes)


def test_forms_that_agree_are_not_noted(written):
    assert open_volume(written(RIGHT, 1, RIGHT, 2)).notes == []


def test_forms_of_other_spaces_with_the_same_sides_are_not_noted(written):
    turned = RIGHT.copy()
    turned[:3, :3] = nib.eulerangles.euler2mat(0.1, 0.05, 0.2) @ RIGHT[:3, :3]
    assert open_volume(written(turned, 1, RIGHT, 4)).notes == []


@pytest.mark.parametrize("third", [1e-3, 1e-2, 0.3])
def test_a_quaternion_that_is_too_long_is_shortened(written, tmp_path, third):
    study = open_volume(written(RIGHT, 1, None, 0, (QUATERNION, "3f", 0.8, 0.6, third)))

    assert any("quaternion" in note for note in study.notes)
    expected = nib.quaternions.quat2mat(np.array([0, 0.8, 0.6, third]) / np.linalg.norm([0.8, 0.6, third]))
    np.testing.assert_allclose(study.scan.affine[:3, :3], expected * (2, 2, 3), atol=1e-5)
    heat = heatmap(study, tmp_path)
    np.testing.assert_allclose(heat.affine, study.scan.affine, atol=1e-5)
    sizes = sitk.ReadImage(str(tmp_path / "heat.nii.gz")).GetSpacing()
    np.testing.assert_allclose(sizes, (2, 2, 3), atol=1e-5)


@pytest.mark.parametrize("units", [5, 7, 255])
def test_units_that_no_table_knows_are_millimetres(written, units):
    study = open_volume(written(RIGHT, 1, RIGHT, 1, (UNITS, "B", units)))

    np.testing.assert_allclose(study.spacing, (2, 2, 3), atol=1e-5)
    assert any("unit of length is not known" in note for note in study.notes)


def test_microns_are_converted_and_impossible_metres_are_not(written):
    microns = open_volume(written(RIGHT, 1, RIGHT, 1, (UNITS, "B", 3)))
    metres = open_volume(written(RIGHT, 1, RIGHT, 1, (UNITS, "B", 1)))

    np.testing.assert_allclose(microns.spacing, (0.002, 0.002, 0.003))
    np.testing.assert_allclose(metres.spacing, (2, 2, 3), atol=1e-5)
    assert any("metres" in note for note in metres.notes)


@pytest.mark.parametrize("intercept", [np.nan, np.inf])
def test_an_intercept_that_is_no_number_is_zero(written, data, intercept):
    study = open_volume(written(RIGHT, 1, RIGHT, 1, (SLOPE, "2f", 1.0, intercept)))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], data)
    assert any("intercept" in note for note in study.notes)


@pytest.mark.parametrize("slope", [np.nan, np.inf, 0.0])
def test_a_slope_that_is_no_number_does_not_scale(written, data, slope):
    study = open_volume(written(RIGHT, 1, RIGHT, 1, (SLOPE, "2f", slope, 7.0)))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], data)


@pytest.mark.parametrize("bad", [np.nan, 0.0, np.inf])
def test_a_voxel_size_that_is_none_leaves_the_orientation(written, tmp_path, bad):
    study = open_volume(written(LEFT, 1, None, 0, (PIXDIM + 4, "f", bad)))

    assert nib.aff2axcodes(study.scan.affine) == ("L", "A", "S")
    assert study.spacing == pytest.approx((2, 2, 3))
    assert not study.scan.measured
    assert any("no size in millimetres is certain" in note for note in study.notes)
    assert np.isfinite(heatmap(study, tmp_path).affine).all()


def test_the_sign_of_the_third_axis_is_positive_where_it_is_missing(written):
    study = open_volume(written(RIGHT, 1, None, 0, (PIXDIM, "f", 0.0)))

    np.testing.assert_allclose(study.scan.affine, RIGHT, atol=1e-5)


def test_a_voxel_size_is_not_needed_beside_an_sform(written):
    study = open_volume(written(RIGHT, 1, RIGHT, 1, (PIXDIM + 4, "f", np.nan)))

    np.testing.assert_allclose(study.scan.affine, RIGHT, atol=1e-5)
    assert study.scan.measured


def test_no_usable_form_is_said(written):
    study = open_volume(written(RIGHT, 0, RIGHT, 1, (SFORM, "12f", *[0.0] * 12)))

    assert study.spacing == pytest.approx((2, 2, 3))
    assert any("left and right are not certain" in note for note in study.notes)


def test_an_image_in_memory_with_an_affine_of_its_own_keeps_it(written):
    image = nib.load(written(LEFT, 1, LEFT, 1))
    other = nib.Nifti1Image(np.asarray(image.dataobj), RIGHT, image.header)

    np.testing.assert_allclose(open_volume(other).scan.affine, RIGHT, atol=1e-5)


def test_voxels_follow_the_header_where_their_place_is_no_number(written, data):
    study = open_volume(written(RIGHT, 1, RIGHT, 1, (108, "f", np.nan)))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], data)
