"""DICOM objects that are pictures stay pictures, in the greys that their header asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from looktwice.core.errors import InputError
from looktwice.modalities import open as open_study
from looktwice.modalities.images import is_image
from looktwice.modalities.inputs import Input
from looktwice.modalities.naming import settle
from looktwice.modalities.volumes import is_volume, open_volume

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.fixture
def radiograph(tmp_path: Path):
    """Write a grey ramp from 0 to 4095 with the attributes given; the darkest column is the first."""

    def write(name: str = "case.dcm", **attributes) -> Path:
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[name])
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = "1.2.3", "1.2.4"
        dataset.PatientName, dataset.PatientID = "DOE^JANE", "SECRET"
        dataset.Modality, dataset.ImagerPixelSpacing = "MG", [0.1, 0.1]
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 30, 64, 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
        dataset.PixelData = np.tile(np.arange(64, dtype="<u2") * 65, (30, 1)).tobytes()
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(tmp_path / name, enforce_file_format=True)
        return tmp_path / name

    return write


def row(path: Path) -> np.ndarray:
    return open_study(path).views()[0].image[10, :, 0].astype(int)


@pytest.mark.parametrize("modality", ["MG", "CR", "DX", "US", "XA", "RF", "OT", "XC", "ES"])
def test_a_picture_is_inspected_as_one(radiograph, modality):
    path = radiograph(Modality=modality)
    study = open_study(path)

    assert is_image(path)
    assert not is_volume(path)
    assert study.modality == "image"
    assert study.medical
    assert study.views()[0].image.shape == (30, 64, 3)
    assert study.name.startswith(f"{modality.lower()}-")
    assert not any(secret in " ".join([study.name, *study.notes]) for secret in ("DOE", "SECRET", "case"))


def test_the_window_of_the_header_is_shown(radiograph):
    shown = row(radiograph(WindowCenter=2048, WindowWidth=1024))

    assert (shown[:23] == 0).all()
    assert (shown[40:] == 255).all()
    assert shown[31] == pytest.approx(255 * (31 * 65 - 1536) / 1024, abs=2)


@pytest.mark.parametrize(
    "window", [{}, {"WindowCenter": 0, "WindowWidth": 0}, {"WindowCenter": 9e5, "WindowWidth": 10}]
)
def test_without_a_window_that_shows_something_its_own_range_is_shown(radiograph, window):
    path = radiograph(**window)
    shown = row(path)

    assert (shown[0], shown[-1]) == (0, 255)
    assert (np.diff(shown) >= 0).all()
    assert any("no window" in note for note in open_study(path).notes)


def test_monochrome1_is_shown_inverted(radiograph):
    dark = row(radiograph("one.dcm", WindowCenter=2048, WindowWidth=4096))
    bright = row(radiograph("two.dcm", WindowCenter=2048, WindowWidth=4096, PhotometricInterpretation="MONOCHROME1"))

    np.testing.assert_allclose(dark + bright, 255, atol=1)


@pytest.mark.parametrize("name", ["SC_rgb_rle.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_jls_lossy_line.dcm"])
def test_colours_are_those_of_pydicom(name):
    expected = pydicom.dcmread(TEST_FILES / name)
    picture = open_study(TEST_FILES / name).views()[0].image

    assert picture.shape == (expected.Rows, expected.Columns, 3)
    np.testing.assert_array_equal(picture, pydicom.pixels.pixel_array(expected))


def test_pictures_of_one_series_are_not_stacked(radiograph, tmp_path):
    for view in range(4):
        radiograph(f"view{view}.dcm", InstanceNumber=view + 1)

    with pytest.raises(InputError, match=r"4 pictures \(MG\) and no volume"):
        open_volume(tmp_path)
    assert len({open_study(path).name for path in tmp_path.glob("*.dcm")}) == 4


def test_a_film_is_refused_in_one_line(radiograph):
    path = radiograph(Modality="US", NumberOfFrames=2, Rows=15)

    with pytest.raises(InputError, match=r"a film of 2 pictures \(US\)"):
        open_study(path)


def test_tomosynthesis_with_places_is_a_volume(radiograph):
    path = radiograph(ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0], PixelSpacing=[1, 1])

    assert is_volume(path)
    assert open_study(path).modality == "volume"


def test_a_truncated_picture_is_refused(radiograph):
    path = radiograph()
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(InputError, match="truncated"):
        open_study(path)


def test_its_files_name_is_told_to_nobody(radiograph):
    """It often holds the patient's; the inspection names the study, not the reader alone."""
    path = radiograph("Doe_Jane.dcm")
    study = open_study(path)
    settle(study, Input(path), medical=False)
    assert study.name.startswith("mg-")
    assert "Doe" not in study.name
