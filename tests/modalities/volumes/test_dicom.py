from __future__ import annotations

import os
import shutil
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless, generate_uid

from looktwice.core.errors import InputError
from looktwice.modalities.volumes import dicom, is_volume, open_volume
from looktwice.modalities.volumes.scan import Kind

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"

AFFINE = np.array([[-2.0, 0, 0, 60], [0, -2.0, 0, 50], [0, 0, 3.0, -20], [0, 0, 0, 1]])
"""The usual axial scan: columns run to the left, rows to the back, slices to the head."""


@pytest.fixture
def body() -> np.ndarray:
    """An ellipsoid of soft tissue with a denser ball off its centre, in HU; (columns, rows, slices)."""
    i, j, k = np.meshgrid(np.arange(60), np.arange(50), np.arange(14), indexing="ij")
    hounsfield = np.full(i.shape, -1000.0)
    hounsfield[((i - 30) / 26) ** 2 + ((j - 25) / 22) ** 2 <= 1] = 40
    hounsfield[(2 * (i - 42)) ** 2 + (2 * (j - 18)) ** 2 + (3 * (k - 8)) ** 2 <= 9**2] = 400
    return hounsfield


def test_slices_are_sorted_by_geometry_not_by_name(write_series, body, brightness_maps):
    study = open_volume(write_series(body, AFFINE), window="300,300")

    assert study.kind is Kind.CT
    np.testing.assert_allclose(study.scan.affine, AFFINE, atol=1e-6)
    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    assert study.notes == []
    region = study.lift(brightness_maps(study)).regions(0.3)[0]
    expected = AFFINE @ (42, 18, 8, 1)
    assert np.linalg.norm(np.subtract(region.centroid_world_mm, expected[:3])) < 3
    assert region.details["laterality"] == "left"
    assert region.details["mean_inside"] > 100 > 60 > region.details["mean_ring"]


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_compressed_slices(write_series, body, syntax):
    study = open_volume(write_series(body[:, :, :4], AFFINE, syntax=syntax))
    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body[:, :, :4])


def test_real_series():
    study = open_volume(TEST_FILES / "dicomdirtests" / "98892001" / "CT5N")
    assert study.scan.voxels.shape == (16, 16, 5)
    assert study.spacing[2] == pytest.approx(2.5, abs=0.01)
    assert len(study.views()) == 5
    assert study.name == open_volume(TEST_FILES / "dicomdirtests" / "98892001" / "CT5N").name


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "693_J2KI.dcm",
    ],
)
def test_single_real_files(name):
    study = open_volume(TEST_FILES / name)
    reference = pydicom.dcmread(TEST_FILES / name)
    shown = reference.pixel_array * float(reference.get("RescaleSlope", 1)) + float(
        reference.get("RescaleIntercept", 0)
    )
    np.testing.assert_allclose(study.scan.voxels[:, :, 0:1][:, :, 0].T, shown, rtol=1e-6)


def test_tilted_gantry_keeps_positions(write_series, body, brightness_maps):
    tilted = AFFINE.copy()
    tilted[1, 2] = 1.2
    study = open_volume(write_series(body, tilted), window="300,300")

    np.testing.assert_allclose(study.scan.affine, tilted, atol=1e-5)
    assert any("tilted by 21.8 degrees" in note for note in study.notes)
    region = study.lift(brightness_maps(study)).regions(0.3)[0]
    assert np.linalg.norm(np.subtract(region.centroid_world_mm, (tilted @ (42, 18, 8, 1))[:3])) < 3


def test_tilted_heatmap_states_its_shear_in_the_sform(write_series, body, tmp_path):
    import nibabel as nib

    tilted = AFFINE.copy()
    tilted[1, 2] = 1.2
    study = open_volume(write_series(body, tilted))
    study.lift(np.ones((len(study.views()), 4, 4))).save(tmp_path / "heat.nii.gz")
    heat = nib.load(tmp_path / "heat.nii.gz")
    np.testing.assert_allclose(heat.affine, tilted, atol=1e-4)
    assert heat.header["qform_code"] == 0


def test_missing_slices_are_interpolated_and_said(write_series, body):
    folder = write_series(body, AFFINE)
    for path in folder.iterdir():
        if pydicom.dcmread(path).InstanceNumber in (4, 9, 10):
            path.unlink()
    study = open_volume(folder)

    assert study.scan.voxels.shape == body.shape
    np.testing.assert_allclose(study.scan.affine, AFFINE, atol=1e-6)
    assert any("3 of 14 are interpolated" in note for note in study.notes)
    read = study.scan.voxels[:, :, :]
    np.testing.assert_array_equal(read[:, :, [0, 2, 4, 7, 10]], body[:, :, [0, 2, 4, 7, 10]])
    np.testing.assert_allclose(read[:, :, 3], (body[:, :, 2] + body[:, :, 4]) / 2, atol=1)
    np.testing.assert_allclose(study.scan.planes, [0, 1, 2, 4, 5, 6, 7, 10, 11, 12, 13], atol=1e-6)


def test_duplicates_are_left_out(write_series, body):
    folder = write_series(body, AFFINE)
    for number, path in enumerate(sorted(folder.iterdir())[:3]):
        dataset = pydicom.dcmread(path)
        if number:
            dataset.SOPInstanceUID = generate_uid()
        dataset.save_as(folder / f"copy{number}")
    study = open_volume(folder)

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    assert any("1 images were stored twice" in note for note in study.notes)
    assert any("2 images lie where another one lies" in note for note in study.notes)


def test_largest_series_is_taken_and_said(write_series, body):
    folder = write_series(body[:, :, :5], AFFINE, "small")
    large = write_series(body, AFFINE, "large")
    for path in list(folder.iterdir()):
        shutil.move(path, large / f"other{path.name}")
    study = open_volume(large)

    assert study.scan.voxels.shape[2] == 14
    assert any(note.startswith("2 series found, the largest taken (14 of 19") for note in study.notes)


def test_localizers_other_orientations_and_reports_are_passed_over(write_series, body):
    def odd(dataset: pydicom.Dataset, index: int) -> None:
        if index == 0:
            dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        if index == 1:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    folder = write_series(body, AFFINE, change=odd)
    shutil.copy(TEST_FILES / "test-SR.dcm", folder / "report")
    (folder / "notes.txt").write_text("no DICOM")
    study = open_volume(folder)

    assert study.scan.voxels.shape[2] == 12
    assert any("1 localizer" in note for note in study.notes)
    assert any("2 orientations" in note for note in study.notes)
    assert any("1 DICOM files without" in note for note in study.notes)


def test_four_dimensional_series(write_series, body):
    first = write_series(body, AFFINE, "first")
    second = write_series(body + 1, AFFINE, "second")
    own = pydicom.dcmread(next(first.iterdir()))
    for path in second.iterdir():
        dataset = pydicom.dcmread(path)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            setattr(dataset, keyword, own[keyword].value)
        dataset.AcquisitionNumber = 2
        dataset.save_as(first / f"b{path.name}")
    for path in first.glob("IM*"):
        dataset = pydicom.dcmread(path)
        dataset.AcquisitionNumber = 1
        dataset.save_as(path)

    np.testing.assert_array_equal(open_volume(first).scan.voxels[:, :, :], body)
    np.testing.assert_array_equal(open_volume(first, channel=1).scan.voxels[:, :, :], body + 1)
    assert "found 2 channels and used channel 0" in open_volume(first).notes
    with pytest.raises(InputError, match="channel 2"):
        open_volume(first, channel=2)


def test_slopes_that_differ_between_slices(write_series, body):
    def scale(dataset: pydicom.Dataset, index: int) -> None:
        dataset.RescaleSlope = 1 + index

    study = open_volume(write_series(body + 1000, AFFINE, modality="MR", change=scale))
    np.testing.assert_allclose(study.scan.voxels[:, :, :], (body + 1000) * (1 + np.arange(14)))


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_enhanced_multiframe_objects(write_series, body, tmp_path, modality):
    from highdicom.legacy import LegacyConvertedEnhancedCTImage, LegacyConvertedEnhancedMRImage

    values = body if modality == "CT" else body + 1000
    folder = write_series(values, AFFINE, modality=modality)
    singles = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    convert = LegacyConvertedEnhancedCTImage if modality == "CT" else LegacyConvertedEnhancedMRImage
    (tmp_path / "enhanced").mkdir()
    convert(singles, generate_uid(), 1, generate_uid(), 1).save_as(tmp_path / "enhanced" / "multi.dcm")

    for path in (tmp_path / "enhanced", tmp_path / "enhanced" / "multi.dcm"):
        study = open_volume(path)
        np.testing.assert_allclose(study.scan.affine, AFFINE, atol=1e-6)
        np.testing.assert_array_equal(study.scan.voxels[:, :, :], values)
        assert study.kind is Kind(modality.lower())


def test_large_series_go_through_a_file(write_series, body, monkeypatch):
    folder = write_series(body, AFFINE)
    monkeypatch.setattr(dicom, "IN_MEMORY_BYTES", 0)
    study = open_volume(folder)
    assert isinstance(study.scan.voxels.raw, dicom.RawFile)
    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)


def test_zip_of_a_series(write_series, body, tmp_path):
    folder = write_series(body, AFFINE)
    path = tmp_path / "série 1.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside.txt", "not to be written")
        for file in folder.iterdir():
            archive.write(file, f"../../{file.name}")
    before = set(tmp_path.parent.rglob("*"))
    study = open_volume(path)

    assert is_volume(path)
    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    assert set(tmp_path.parent.rglob("*")) == before


def test_zip_that_unpacks_to_too_much_is_refused(write_series, body, tmp_path, monkeypatch):
    from looktwice.modalities.volumes import dicom_files

    folder = write_series(body, AFFINE)
    path = Path(shutil.make_archive(str(tmp_path / "series"), "zip", folder))
    monkeypatch.setattr(dicom_files, "LARGEST_ZIP_BYTES", 1000)
    with pytest.raises(InputError, match="too large for one scan"):
        open_volume(path)


def test_damaged_zip_is_refused(write_series, body, tmp_path):
    path = Path(shutil.make_archive(str(tmp_path / "series"), "zip", write_series(body, AFFINE)))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError):
        open_volume(path)


def test_nothing_tells_who_the_patient_is(write_series, body, tmp_path):
    def break_the_standard(dataset: pydicom.Dataset, index: int) -> None:
        with pydicom.config.disable_value_validation():
            dataset.BodyPartExamined = "head of Jane DOE"

    folder = write_series(body, AFFINE, change=break_the_standard)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        study = open_volume(folder)
    assert warned == []
    study.lift(np.ones((len(study.views()), 4, 4))).save(tmp_path / "heat.nii.gz")
    told = " ".join([study.name, *study.notes, *(view.name for view in study.views())])

    assert study.name.startswith("ct-")
    assert len(study.name) == 11
    for secret in ("DOE", "Jane", "JANE", "SECRET", "19700101"):
        assert secret not in told


def test_burned_in_text_is_warned_about(write_series, body):
    def mark(dataset: pydicom.Dataset, index: int) -> None:
        dataset.BurnedInAnnotation = "YES"

    study = open_volume(write_series(body, AFFINE, change=mark))
    assert any("burned into the pixels" in note for note in study.notes)


def test_series_without_positions_is_stacked_by_number(write_series, body):
    def strip(dataset: pydicom.Dataset, index: int) -> None:
        del dataset.ImagePositionPatient

    study = open_volume(write_series(body, AFFINE, change=strip))
    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    assert any("no position" in note for note in study.notes)


@pytest.mark.parametrize("name", ["MR_truncated.dcm", "rtplan.dcm", "test-SR.dcm", "SC_rgb_jpeg.dcm", "rtdose.dcm"])
def test_unusable_real_files_are_refused_in_one_line(name):
    with pytest.raises(InputError) as error:
        open_volume(TEST_FILES / name)
    assert "\n" not in str(error.value)


def test_slice_with_too_few_pixels_is_refused(write_series, body):
    folder = write_series(body, AFFINE)
    path = next(folder.iterdir())
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"truncated|decoded"):
        open_volume(folder)


def test_folders_without_a_series_are_no_volumes(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    assert not is_volume(tmp_path)
    assert not is_volume(TEST_FILES / "dicomdirtests" / "98892001"), "two series are two inputs"
    assert is_volume(TEST_FILES / "dicomdirtests" / "98892001" / "CT5N")
    assert not is_volume(tmp_path / "missing")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files_are_no_volumes(write_series, body):
    folder = write_series(body, AFFINE)
    for path in folder.iterdir():
        path.chmod(0)
    assert not is_volume(folder)
