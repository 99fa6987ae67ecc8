from __future__ import annotations

import shutil
import subprocess
import warnings
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from looktwice.core.errors import InputError
from looktwice.modalities.volumes import open_volume

AFFINE = np.array([[-2.0, 0, 0, 60], [0, -2.0, 0, 50], [0, 0, 3.0, -20], [0, 0, 0, 1]])

SECRETS = (b"DOE", b"JANE", b"SECRET", b"19700101")


@pytest.fixture
def body() -> np.ndarray:
    i, j, _ = np.meshgrid(np.arange(60), np.arange(50), np.arange(14), indexing="ij")
    hounsfield = np.full(i.shape, -1000.0)
    hounsfield[((i - 30) / 26) ** 2 + ((j - 25) / 22) ** 2 <= 1] = 40
    return hounsfield


def found(study):
    """Return a map with two hot places, and its regions."""
    maps = np.zeros((len(study.views()), 16, 16), np.float32)
    maps[4:7, 6:8, 9:12] = 0.9
    maps[9:11, 12, 5] = 0.7
    voxel_map = study.lift(maps)
    regions = voxel_map.regions(0.2)
    assert len(regions) == 2
    return voxel_map, regions


def expected_labels(voxel_map) -> np.ndarray:
    """Return the regions as an independent labelling of the whole map has them, the highest score first."""
    from scipy import ndimage

    labels, count = ndimage.label(voxel_map.values >= 0.2)
    peaks = ndimage.maximum(voxel_map.values, labels, range(1, count + 1))
    order = np.zeros(count + 1, int)
    order[np.argsort(peaks)[::-1] + 1] = np.arange(1, count + 1)
    return order[labels]


def write(study, folder: Path, **options) -> dict[str, pydicom.Dataset]:
    folder.mkdir()
    voxel_map, regions = found(study)
    names = study.write_dicom(voxel_map, regions, folder, **options)
    assert sorted(path.name for path in folder.iterdir()) == sorted(names.values())
    return {kind: pydicom.dcmread(folder / name) for kind, name in names.items()}


def labels_by_instance(segmentation: highdicom.seg.Segmentation, instances: list[str]) -> np.ndarray:
    return segmentation.get_pixels_by_source_instance(
        instances, combine_segments=True, assert_missing_frames_are_empty=True
    )


@pytest.mark.parametrize("tilt", [0.0, 1.2])
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_segmentation_reads_back_as_the_same_voxels(write_series, body, tmp_path, modality, tilt):
    affine = AFFINE.copy()
    affine[1, 2] = tilt
    study = open_volume(write_series(body + 2000 * (modality == "MR"), affine, modality=modality))
    write(study, tmp_path / "out")
    segmentation = highdicom.seg.segread(tmp_path / "out" / "segmentation.dcm")

    read = labels_by_instance(segmentation, [frame.instance for frame in study.scan.frames])

    np.testing.assert_array_equal(read.T, expected_labels(found(study)[0]))
    assert segmentation.number_of_segments == 2
    description = segmentation.get_segment_description(1)
    assert description.algorithm_type == highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC
    assert description.algorithm_identification.name == "looktwice anomaly detection"


def test_parametric_map_reads_back_as_the_same_scores(write_series, body, tmp_path):
    study = open_volume(write_series(body, AFFINE))
    parametric_map = write(study, tmp_path / "out")["parametric_map"]

    np.testing.assert_array_equal(frames_of(parametric_map).T, found(study)[0].values)
    assert sorted(heights_of(parametric_map)) == pytest.approx([-20.0 + 3 * k for k in range(14)])


def frames_of(parametric_map: pydicom.Dataset) -> np.ndarray:
    """Return the frames, which highdicom is free to order, from foot to head."""
    shape = (int(parametric_map.NumberOfFrames), parametric_map.Rows, parametric_map.Columns)
    frames = np.frombuffer(parametric_map.FloatPixelData, "<f4").reshape(shape)
    return frames[np.argsort(heights_of(parametric_map))]


def heights_of(parametric_map: pydicom.Dataset) -> list[float]:
    groups = parametric_map.PerFrameFunctionalGroupsSequence
    return [float(group.PlanePositionSequence[0].ImagePositionPatient[2]) for group in groups]


@pytest.mark.parametrize("limit", [1, 2])
def test_report_states_the_measurements(write_series, body, tmp_path, limit):
    study = open_volume(write_series(body, AFFINE))
    voxel_map, regions = found(study)
    study.write_dicom(voxel_map, regions[:limit], tmp_path)
    report = highdicom.sr.srread(tmp_path / "measurement_report.dcm")
    segmentation = pydicom.dcmread(tmp_path / "segmentation.dcm")

    groups = report.content.get_volumetric_roi_measurement_groups()

    assert len(groups) == limit
    for number, (group, region) in enumerate(zip(groups, regions, strict=False), start=1):
        stated = {measurement.name.meaning: measurement.value for measurement in group.get_measurements()}
        assert stated["Volume"] == pytest.approx(region.size, rel=1e-5)
        assert stated["Anomaly score"] == pytest.approx(region.score, rel=1e-5)
        assert stated["Maximum 3D Diameter of a Mesh"] == pytest.approx(region.details["diameter_mm"], rel=1e-5)
        assert stated["Mean Attenuation Coefficient"] == pytest.approx(region.details["mean_inside"], rel=1e-5)
        assert group.referenced_segment.referenced_sop_instance_uid == segmentation.SOPInstanceUID
        assert group.referenced_segment.referenced_segment_numbers == [number]


def test_objects_refer_to_the_series_and_share_its_frame_of_reference(write_series, body, tmp_path):
    folder = write_series(body, AFFINE)
    source = [pydicom.dcmread(path) for path in folder.iterdir()]
    objects = write(open_volume(folder), tmp_path / "out")

    assert len({one.SeriesInstanceUID for one in objects.values()} | {source[0].SeriesInstanceUID}) == 4
    for one in objects.values():
        assert one.StudyInstanceUID == source[0].StudyInstanceUID
    for kind in ("parametric_map", "segmentation"):
        assert objects[kind].FrameOfReferenceUID == source[0].FrameOfReferenceUID
        (series,) = objects[kind].ReferencedSeriesSequence
        assert series.SeriesInstanceUID == source[0].SeriesInstanceUID
        referenced = {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}
        assert referenced == {one.SOPInstanceUID for one in source}


def test_identity_is_replaced_by_a_stable_pseudonym(write_series, body, tmp_path):
    folder = write_series(body, AFFINE)
    first = write(open_volume(folder), tmp_path / "first")
    second = write(open_volume(folder), tmp_path / "second")

    for path in [*(tmp_path / "first").iterdir(), *(tmp_path / "second").iterdir()]:
        content = path.read_bytes()
        assert not [secret for secret in SECRETS if secret in content]
    names = {str(one.PatientName) for one in (*first.values(), *second.values())}
    assert len(names) == 1
    assert names.pop().startswith("anonymous^")
    assert all(not one.StudyDate and not one.AccessionNumber for one in first.values())


def test_identity_is_kept_where_asked_for_but_nothing_else(write_series, body, tmp_path):
    def add_text(dataset: pydicom.Dataset, index: int) -> None:
        dataset.InstitutionName, dataset.PatientComments = "SECRET hospital", "SECRET comment"

    objects = write(open_volume(write_series(body, AFFINE, change=add_text)), tmp_path / "out", keep_identifiers=True)

    for one in objects.values():
        assert (str(one.PatientName), one.PatientID, one.PatientBirthDate) == ("DOE^JANE", "SECRET-ID-4711", "19700101")
    for path in (tmp_path / "out").iterdir():
        assert b"SECRET hospital" not in path.read_bytes()
        assert b"SECRET comment" not in path.read_bytes()


def uneven_series(write_series, body, kept: tuple[int, ...]) -> Path:
    folder = write_series(body, AFFINE)
    for path in folder.iterdir():
        if pydicom.dcmread(path).InstanceNumber - 1 not in kept:
            path.unlink()
    return folder


def test_what_lies_on_interpolated_slices_is_shown_on_the_nearest_frame(write_series, body, tmp_path):
    study = open_volume(uneven_series(write_series, body, (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13)))
    objects = write(study, tmp_path / "out")
    segmentation = highdicom.seg.segread(tmp_path / "out" / "segmentation.dcm")
    expected = expected_labels(found(study)[0])
    real = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13]

    assert objects["parametric_map"].NumberOfFrames == 13
    read = labels_by_instance(segmentation, [frame.instance for frame in study.scan.frames]).T
    np.testing.assert_array_equal(read[:, :, 5:], expected[:, :, real][:, :, 5:])
    # Slice 5 lies between frames 4 and 6; the first of two that are as near shows it.
    np.testing.assert_array_equal(read[:, :, 4] > 0, (expected[:, :, 4] > 0) | (expected[:, :, 5] > 0))


@pytest.mark.parametrize("kept", [(0, 3, 6, 9, 12), (0, 1, 2, 3, 4, 7, 10, 13), (0, 1, 3, 4, 6, 9, 10, 13)])
def test_every_region_of_an_uneven_stack_reaches_every_object(write_series, body, tmp_path, kept):
    study = open_volume(uneven_series(write_series, body, kept))
    slices = study.scan.voxels.shape[2]
    rng = np.random.default_rng(0)
    maps = np.zeros((len(study.views()), 30, 25), np.float32)
    for index in range(len(maps)):  # a spot of its own on every slice
        maps[index, 8 + (2 * index) % 14, 8 + rng.integers(0, 3) * 4] = 0.9
    voxel_map = study.lift(maps, smoothing_mm=0)
    regions = voxel_map.regions(0.3)
    assert len(regions) >= min(20, slices) / 2

    study.write_dicom(voxel_map, regions, tmp_path)

    segmentation = highdicom.seg.segread(tmp_path / "segmentation.dcm")
    read = labels_by_instance(segmentation, [frame.instance for frame in study.scan.frames])
    assert set(np.unique(read)) >= set(range(1, len(regions) + 1))
    scores = np.frombuffer(pydicom.dcmread(tmp_path / "parametric_map.dcm").FloatPixelData, "<f4")
    assert scores.max() == pytest.approx(regions[0].score)
    groups = highdicom.sr.srread(tmp_path / "measurement_report.dcm").content.get_volumetric_roi_measurement_groups()
    assert len(groups) == len(regions)


def test_a_region_behind_another_is_a_segment_all_the_same(write_series, body, tmp_path):
    """On interpolated slices between two frames, one above the other: both lie on one frame, at the same pixels."""
    study = open_volume(uneven_series(write_series, body, (0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13)))
    maps = np.zeros((len(study.views()), 15, 15), np.float32)
    maps[3, 7, 7], maps[6, 7, 7], maps[4, 7, 9], maps[6, 7, 9] = 0.9, 0.8, 0.7, 0.6
    maps[3, 7, 9] = maps[2, 7, 9] = 0.0
    voxel_map = study.lift(maps, smoothing_mm=0)
    regions = voxel_map.regions(0.55)
    study.write_dicom(voxel_map, regions, tmp_path)

    segmentation = highdicom.seg.segread(tmp_path / "segmentation.dcm")
    used = {int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
            for group in segmentation.PerFrameFunctionalGroupsSequence}  # fmt: skip
    assert used == set(range(1, len(regions) + 1))


@pytest.mark.parametrize("lost", ["PixelSpacing", "SOPInstanceUID", "SeriesInstanceUID"])
def test_a_series_that_objects_cannot_refer_to_is_refused_in_one_line(write_series, body, tmp_path, lost):
    def spoil(dataset: pydicom.Dataset, index: int) -> None:
        if lost == "PixelSpacing":
            del dataset.PixelSpacing
        else:
            setattr(dataset, lost, "1.2.3" if lost == "SOPInstanceUID" else f"1.2.3.{index}")

    study = open_volume(write_series(body, AFFINE, change=spoil))
    voxel_map = study.lift(np.ones((len(study.views()), 4, 4), np.float32))
    regions = voxel_map.regions(0.2)

    with pytest.raises(InputError, match=r"states no pixel size|UIDs are not those of one series"):
        study.write_dicom(voxel_map, regions, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_slice_thickness_is_that_of_the_stack(write_series, body, tmp_path):
    def lose(dataset: pydicom.Dataset, index: int) -> None:
        del dataset.SliceThickness

    objects = write(open_volume(write_series(body, AFFINE, change=lose)), tmp_path / "out")

    shared = objects["segmentation"].SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(shared.SliceThickness) == pytest.approx(3.0)


def test_enhanced_multiframe_source(write_series, body, tmp_path):
    from highdicom.legacy import LegacyConvertedEnhancedCTImage

    singles = [pydicom.dcmread(path) for path in sorted(write_series(body, AFFINE).iterdir())]
    LegacyConvertedEnhancedCTImage(singles, generate_uid(), 1, generate_uid(), 1).save_as(tmp_path / "multi.dcm")
    study = open_volume(tmp_path / "multi.dcm")
    objects = write(study, tmp_path / "out")
    segmentation = highdicom.seg.segread(tmp_path / "out" / "segmentation.dcm")

    np.testing.assert_array_equal(frames_of(objects["parametric_map"]).T, found(study)[0].values)
    read = segmentation.get_pixels_by_source_frame(
        study.scan.frames[0].instance,
        [frame.number + 1 for frame in study.scan.frames],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    np.testing.assert_array_equal(read.T, expected_labels(found(study)[0]))
    assert b"DOE" not in (tmp_path / "out" / "segmentation.dcm").read_bytes()


def test_without_regions_there_is_no_segmentation(write_series, body, tmp_path):
    study = open_volume(write_series(body, AFFINE))
    voxel_map = study.lift(np.full((len(study.views()), 4, 4), 0.1))
    names = study.write_dicom(voxel_map, [], tmp_path)

    assert set(names) == {"parametric_map", "measurement_report"}
    assert highdicom.sr.srread(tmp_path / names["measurement_report"]).content.get_image_measurement_groups()


def test_other_formats_are_refused(tmp_path):
    data = np.zeros((20, 20, 20), np.float32)
    data[5:15, 5:15, 5:15] = np.random.default_rng(0).random((10, 10, 10)) + 1
    nib.Nifti1Image(data, np.eye(4)).to_filename(tmp_path / "case.nii")
    study = open_volume(tmp_path / "case.nii")
    with pytest.raises(InputError, match="only for DICOM input"):
        study.write_dicom(study.lift(np.ones((len(study.views()), 4, 4))), [], tmp_path)


def test_series_without_positions_is_refused(write_series, body, tmp_path):
    def strip(dataset: pydicom.Dataset, index: int) -> None:
        del dataset.ImagePositionPatient

    study = open_volume(write_series(body, AFFINE, change=strip))
    with pytest.raises(InputError, match="no positions"):
        study.write_dicom(study.lift(np.ones((len(study.views()), 4, 4))), [], tmp_path)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy of dicom3tools is not installed")
@pytest.mark.parametrize("keep_identifiers", [False, True])
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_objects_pass_the_validator(write_series, body, tmp_path, modality, keep_identifiers):
    study = open_volume(write_series(body + 2000 * (modality == "MR"), AFFINE, modality=modality))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        write(study, tmp_path / "out", keep_identifiers=keep_identifiers)
    assert warned == []
    for path in (tmp_path / "out").iterdir():
        checked = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True)
        errors = [line for line in checked.stderr.splitlines() + checked.stdout.splitlines() if "Error" in line]
        assert errors == []
