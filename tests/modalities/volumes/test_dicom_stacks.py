"""Series as scanners, archives and anonymisers leave them: what is one stack, what its step is, what lies where."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import generate_uid

from looktwice.core.errors import InputError
from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.dicom_series import _even_places

AFFINE = np.array([[-2.0, 0, 0, 60], [0, -2.0, 0, 50], [0, 0, 3.0, -20], [0, 0, 0, 1]])
SLICES = 14


@pytest.fixture
def body() -> np.ndarray:
    """An ellipsoid of soft tissue in HU in which every slice has a value of its own; (columns, rows, slices)."""
    i, j, k = np.meshgrid(np.arange(60), np.arange(50), np.arange(SLICES), indexing="ij")
    hounsfield = np.full(i.shape, -1000.0)
    inside = ((i - 30) / 26) ** 2 + ((j - 25) / 22) ** 2 <= 1
    hounsfield[inside] = 40 + k[inside]
    return hounsfield


@pytest.fixture
def two_acquisitions(write_series, body):
    """A second acquisition of the series, `higher` millimetres up and 500 HU brighter."""

    def write(higher: float, number: bool = True):
        folder = write_series(body, AFFINE, "first")
        second = AFFINE.copy()
        second[2, 3] += higher
        own = pydicom.dcmread(next(folder.iterdir()))
        for path in write_series(body + 500, second, "second").iterdir():
            dataset = pydicom.dcmread(path)
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
                setattr(dataset, keyword, own[keyword].value)
            dataset.InstanceNumber += SLICES
            dataset.AcquisitionNumber = own.AcquisitionNumber + int(number)
            dataset.save_as(folder / f"b{path.name}")
        return folder

    return write


def test_geometry_equals_that_of_simpleitk(write_series, body):
    tilted = AFFINE.copy()
    tilted[:3, :3] = np.array([[-1.99, 0.2, 0.1], [-0.2, -1.99, 0.2], [0.05, 0.1, 2.99]])
    tilted[:3, :3] = np.linalg.qr(tilted[:3, :3])[0] * (2, 2, 3)
    folder = write_series(body, tilted)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(names)
    scan = open_volume(folder).scan

    np.testing.assert_array_equal(scan.voxels[:, :, :], sitk.GetArrayFromImage(image).T)
    for index in ((0, 0, 0), (59, 0, 3), (10, 49, 13)):
        expected = np.array(image.TransformContinuousIndexToPhysicalPoint([float(one) for one in index])) * (-1, -1, 1)
        np.testing.assert_allclose((scan.affine @ (*index, 1))[:3], expected, atol=1e-3)


@pytest.mark.parametrize("higher", [0.5, 1.0, 1.5, 2.5])
def test_a_second_acquisition_is_a_channel(two_acquisitions, body, higher):
    folder = two_acquisitions(higher)
    first, second = open_volume(folder), open_volume(folder, channel=1)

    np.testing.assert_array_equal(first.scan.voxels[:, :, :], body)
    np.testing.assert_array_equal(second.scan.voxels[:, :, :], body + 500)
    assert second.scan.affine[2, 3] - first.scan.affine[2, 3] == pytest.approx(higher)
    assert "found 2 channels and used channel 0" in first.notes
    assert any("2 stacks of slices" in note for note in first.notes)


@pytest.mark.parametrize("higher", [0.5, 1.0, 1.5])
def test_a_second_pass_without_a_number_is_a_channel(two_acquisitions, body, higher):
    study = open_volume(two_acquisitions(higher, number=False))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)


def test_a_part_of_a_second_acquisition_is_left_out(two_acquisitions, body):
    folder = two_acquisitions(1.5)
    for path in folder.glob("b*"):
        if pydicom.dcmread(path).InstanceNumber > SLICES + 5:
            path.unlink()
    study = open_volume(folder)

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    assert any("5 images of parts of a stack are left out" in note for note in study.notes)


def test_interleaved_acquisitions_of_one_stack_are_one_volume(write_series, body):
    """MR takes odd slices first, even ones then: each acquisition alone has gaps as wide as a slice."""

    def packages(dataset: pydicom.Dataset, index: int) -> None:
        dataset.AcquisitionNumber = 1 + index % 2

    study = open_volume(write_series(body + 1000, AFFINE, modality="MR", change=packages))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body + 1000)


def test_an_acquisition_per_slice_is_one_volume(write_series, body):
    def numbered(dataset: pydicom.Dataset, index: int) -> None:
        dataset.AcquisitionNumber = index + 1

    study = open_volume(write_series(body, AFFINE, change=numbered))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)


@pytest.mark.parametrize("apart", [0.0, 0.005, 0.02, 0.2])
def test_copies_close_to_each_other_are_channels(write_series, body, apart):
    folder = write_series(body, AFFINE)
    for path in list(folder.iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = generate_uid()
        dataset.InstanceNumber += 100
        dataset.ImagePositionPatient[2] += apart
        dataset.save_as(folder / f"copy{path.name}")
    study = open_volume(folder)

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    np.testing.assert_allclose(study.scan.affine, AFFINE, atol=1e-6)
    assert "found 2 channels and used channel 0" in study.notes


@pytest.mark.parametrize("size", [1e-7, 1e-6, 1e-4])
def test_rounding_of_directions_and_sizes_parts_nothing(write_series, body, size):
    def jitter(dataset: pydicom.Dataset, index: int) -> None:
        e = 0.005 + (size if index % 2 else -size)
        dataset.ImageOrientationPatient = [1, e, 0, -e, 1, 0]
        dataset.PixelSpacing = [0.4885 + (size if index % 2 else -size)] * 2

    study = open_volume(write_series(body, AFFINE, change=jitter))

    assert study.scan.voxels.shape == body.shape
    assert study.notes == []


def test_one_instance_uid_for_all_slices(write_series, body):
    def same(dataset: pydicom.Dataset, index: int) -> None:
        dataset.SOPInstanceUID = "1.2.3"

    study = open_volume(write_series(body, AFFINE, change=same))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)


@pytest.mark.parametrize("reference", [True, False])
def test_a_series_uid_for_each_slice(write_series, body, reference):
    def own(dataset: pydicom.Dataset, index: int) -> None:
        dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["own", str(index)])
        if not reference:
            dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["place", str(index)])

    folder = write_series(body, AFFINE, change=own)
    study = open_volume(folder)

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    assert any("joined by their places" in note for note in study.notes)
    assert study.name == open_volume(folder).name


def test_single_slices_of_other_studies_are_not_joined(write_series, body):
    def own(dataset: pydicom.Dataset, index: int) -> None:
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            setattr(dataset, keyword, generate_uid(entropy_srcs=[keyword, str(index)]))

    study = open_volume(write_series(body, AFFINE, change=own))

    assert study.scan.voxels.shape[2] == 1


def test_one_series_uid_for_two_frames_of_reference(write_series, body):
    def second(dataset: pydicom.Dataset, index: int) -> None:
        if index >= 9:
            dataset.FrameOfReferenceUID = "1.2.3"

    study = open_volume(write_series(body, AFFINE, change=second))

    assert study.scan.voxels.shape[2] == 9
    assert any("2 series found" in note for note in study.notes)


@pytest.mark.parametrize("lost", ["ImagePositionPatient", "ImageOrientationPatient"])
def test_a_slice_without_a_place_leaves_the_others_theirs(write_series, body, lost):
    def lose(dataset: pydicom.Dataset, index: int) -> None:
        if index == 5:
            delattr(dataset, lost)

    study = open_volume(write_series(body, AFFINE, change=lose))

    np.testing.assert_allclose(study.scan.affine, AFFINE, atol=1e-6)
    assert study.scan.voxels.shape == body.shape
    np.testing.assert_allclose(study.scan.voxels[30:31, 25:26, :].ravel(), 40 + np.arange(SLICES), atol=1)
    assert any("1 images state no position" in note for note in study.notes)


@pytest.mark.parametrize("sideways", [5.0, 20.0])
def test_a_shift_of_the_table_is_no_tilt(write_series, body, sideways):
    def shift(dataset: pydicom.Dataset, index: int) -> None:
        if index >= 9:
            dataset.ImagePositionPatient[0] += sideways

    study = open_volume(write_series(body, AFFINE, change=shift))

    np.testing.assert_allclose(study.scan.affine, AFFINE, atol=1e-6)
    assert study.scan.voxels.shape[2] == 9
    assert any(f"{sideways:.0f} mm" in note and "table" in note for note in study.notes)
    assert not any("tilted" in note for note in study.notes)


def test_a_tilted_stack_is_not_taken_for_shifts(write_series, body):
    tilted = AFFINE.copy()
    tilted[1, 2] = 1.2
    assert open_volume(write_series(body, tilted)).scan.voxels.shape == body.shape


def test_one_small_gap_does_not_set_the_step(write_series, body):
    heights = np.r_[np.arange(8) * 2.5, 7 * 2.5 + 0.25 + np.arange(6) * 7.5]

    def move(dataset: pydicom.Dataset, index: int) -> None:
        dataset.ImagePositionPatient[2] = heights[index]

    study = open_volume(write_series(body, AFFINE, change=move))

    assert study.spacing[2] == pytest.approx(2.5, abs=0.1)
    assert study.scan.voxels.shape[2] <= 24


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0.3, 12.0), min_size=2, max_size=60))
def test_even_stacks_stay_small_and_keep_every_frame(gaps):
    heights = np.concatenate([[0.0], np.cumsum(gaps)])
    places, planes = _even_places(heights, [])

    # A single frame that is left out costs a lesion: each lies within half a slice of one of the stack.
    assert len(places) <= 6 * len(heights) + 1
    assert (np.diff(places) >= 0).all()
    assert places[0] == 0
    assert places[-1] == len(heights) - 1
    step = heights[-1] / (len(places) - 1)
    np.testing.assert_allclose(planes * step, heights, atol=0.26 * step)


@pytest.mark.parametrize("bad", [[0, 0], [0.0, 2.0], None])
def test_without_a_pixel_size_nothing_is_said_in_millimetres(write_series, body, brightness_maps, bad):
    def lose(dataset: pydicom.Dataset, index: int) -> None:
        dataset.PixelSpacing = bad
        if bad is None:
            del dataset.PixelSpacing

    body[40:46, 20:26, 5:9] = 400
    study = open_volume(write_series(body, AFFINE, change=lose), window="300,300")
    region = study.lift(brightness_maps(study)).regions(0.3)[0]

    assert any("no pixel size" in note for note in study.notes)
    assert region.size_unit == "voxels"
    assert region.centroid_world_mm is None
    assert not any("mm" in key for key in region.details)
    assert not any("mm" in view.name for view in study.views())
    np.testing.assert_allclose(region.centroid, (42.5, 22.5, 6.5), atol=1.5)


@pytest.mark.parametrize("cosines", [[0] * 6, [1, 0, 0, 1, 0, 0], [float("1e-3")] * 6])
def test_directions_that_are_none_are_said(write_series, body, cosines):
    def lose(dataset: pydicom.Dataset, index: int) -> None:
        dataset.ImageOrientationPatient = cosines

    study = open_volume(write_series(body, AFFINE, change=lose))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    assert any("no orientation" in note for note in study.notes)


def test_ct_without_rescale_is_brought_to_hu(write_series, body):
    def lose(dataset: pydicom.Dataset, index: int) -> None:
        del dataset.RescaleSlope
        del dataset.RescaleIntercept

    body[28:32, 20:30] = 900
    study = open_volume(write_series(body, AFFINE, change=lose))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    assert study.kind.value == "ct"
    assert any("raised by 1024" in note for note in study.notes)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_how_ct_is_to_be_shown_does_not_change_its_values(write_series, body, photometric):
    def invert(dataset: pydicom.Dataset, index: int) -> None:
        dataset.PhotometricInterpretation = photometric

    np.testing.assert_array_equal(open_volume(write_series(body, AFFINE, change=invert)).scan.voxels[:, :, :], body)


@pytest.mark.parametrize("padding", [63536, 5000, 65535])
def test_padding_of_ct_is_air(write_series, body, padding):
    def pad(dataset: pydicom.Dataset, index: int) -> None:
        stored = np.frombuffer(dataset.PixelData, "<u2").reshape(50, 60).copy()
        stored[:, :4] = padding
        dataset.PixelData = stored.tobytes()
        dataset.add_new("PixelPaddingValue", "US", padding)

    study = open_volume(write_series(body, AFFINE, change=pad))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
    assert any("padding" in note for note in study.notes)


def test_a_range_of_padding_of_mr_is_background(write_series, body):
    def pad(dataset: pydicom.Dataset, index: int) -> None:
        stored = np.frombuffer(dataset.PixelData, "<u2").reshape(50, 60).copy()
        stored[:, :2], stored[:, 2:4] = 4000, 4095
        dataset.PixelData = stored.tobytes()
        dataset.add_new("PixelPaddingValue", "US", 4000)
        dataset.add_new("PixelPaddingRangeLimit", "US", 4095)

    study = open_volume(write_series(body + 1000, AFFINE, modality="MR", change=pad))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body + 1000)


@pytest.mark.parametrize("implicit", [True, False])
def test_bare_data_sets_without_file_meta(write_series, body, implicit):
    folder = write_series(body, AFFINE)
    for path in folder.iterdir():
        bare = pydicom.Dataset()
        bare.update({element.tag: element for element in pydicom.dcmread(path)})
        bare.save_as(path, implicit_vr=implicit, little_endian=True)

    np.testing.assert_array_equal(open_volume(folder).scan.voxels[:, :, :], body)


def test_a_mosaic_is_refused_with_the_way_out(write_series, body):
    def mosaic(dataset: pydicom.Dataset, index: int) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]

    with pytest.raises(InputError, match="dcm2niix"):
        open_volume(write_series(body + 1000, AFFINE, modality="MR", change=mosaic))


def test_header_values_that_are_no_numbers_do_not_lose_the_series(write_series, body):
    folder = write_series(body, AFFINE)
    for path in folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content.replace(b"\x18\x00\x50\x00DS\x04\x003.0 ", b"\x18\x00\x50\x00DS\x04\x00oops"))
    study = open_volume(folder)

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], body)
