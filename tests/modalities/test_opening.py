"""Inputs are told by their content, whatever they are called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile
from PIL import Image

from looktwice import modalities
from looktwice.core.errors import InputError, UsageError
from looktwice.modalities import Modality, detect


def picture(path: Path) -> Path:
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(image).save(path.with_suffix(".png"))
    return path.with_suffix(".png").rename(path)


def volume(path: Path) -> Path:
    data = np.random.default_rng(0).random((12, 12, 12), np.float32)
    nib.Nifti1Image(data, np.eye(4)).to_filename(path.with_suffix(".nii"))
    return path.with_suffix(".nii").rename(path)


def cloud(path: Path) -> Path:
    points = np.random.default_rng(0).normal(size=(300, 3))
    rows = "\n".join(" ".join(f"{value:.5f}" for value in point) for point in points)
    header = "ply\nformat ascii 1.0\nelement vertex 300\nproperty float x\nproperty float y\nproperty float z\n"
    path.write_text(f"{header}end_header\n{rows}\n")
    return path


def dicom_series(folder: Path) -> Path:
    from pydicom.data import get_testdata_file

    folder.mkdir()
    for number in range(3):
        source = get_testdata_file("CT_small.dcm")
        (folder / f"IM{number}").write_bytes(Path(str(source)).read_bytes())
    return folder


@pytest.mark.parametrize("name", ["right", "scan.nii.gz", "photo.jpg", "mesh.ply", "notes.txt", "no suffix größe"])
@pytest.mark.parametrize(
    ("write", "kind"),
    [(picture, Modality.IMAGE), (volume, Modality.VOLUME), (cloud, Modality.POINTCLOUD)],
    ids=["image", "volume", "cloud"],
)
def test_the_kind_is_told_by_content(tmp_path, name, write, kind):
    assert detect(write(tmp_path / name)) is kind


def test_a_picture_under_a_volumes_name_is_opened_as_the_picture_that_it_is(tmp_path):
    study = modalities.open(picture(tmp_path / "scan.nii"))
    assert study.modality is Modality.IMAGE
    assert study.views()[0].image.shape == (24, 32, 3)


def test_an_organised_tiff_is_a_cloud_and_a_plain_one_a_picture(tmp_path):
    across, down = np.meshgrid(np.linspace(-0.1, 0.1, 16), np.linspace(-0.1, 0.1, 16))
    surface = np.stack([across, down, 0.4 + across**2], axis=-1).astype(np.float32)
    tifffile.imwrite(tmp_path / "xyz.tiff", surface)
    tifffile.imwrite(tmp_path / "colours.tiff", np.random.default_rng(0).random((16, 16, 3), np.float32))
    tifffile.imwrite(tmp_path / "grey.tiff", np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert detect(tmp_path / "xyz.tiff") is Modality.POINTCLOUD
    assert detect(tmp_path / "grey.tiff") is Modality.IMAGE
    assert detect(tmp_path / "colours.tiff") is Modality.IMAGE


def test_a_series_folder_is_one_volume(tmp_path):
    assert detect(dicom_series(tmp_path / "series")) is Modality.VOLUME


@pytest.mark.parametrize("name", ["MR_small.dcm", "CT_small.dcm"])
def test_a_dicom_file_with_a_tiffs_first_bytes_is_a_volume(name):
    from pydicom.data import get_testdata_file

    path = Path(str(get_testdata_file(name)))
    assert path.read_bytes().startswith(b"II*\0")
    study = modalities.open(path)
    assert study.modality is Modality.VOLUME
    assert study.medical


def tiff_and_dicom(path: Path) -> Path:
    """Write a file that is both: the TIFF's pixels and directory lie in a private element of the data set."""
    import struct

    import pydicom
    from pydicom.data import get_testdata_file

    dataset = pydicom.dcmread(str(get_testdata_file("MR_small.dcm")))
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8).tobytes()
    marker = b"TIFF begins here"
    dataset.private_block(0x0009, "MADE", create=True).add_new(1, "OB", marker + bytes(512 + len(pixels)))
    dataset.save_as(path)
    data = bytearray(path.read_bytes())
    start = data.index(marker) + len(marker)
    start += start % 2
    tags = [(256, 16), (257, 16), (258, 8), (259, 1), (262, 1), (273, start + 256), (277, 1), (278, 16), (279, 256)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    data[start : start + len(directory)] = directory
    data[start + 256 : start + 256 + len(pixels)] = pixels
    data[:8] = b"II*\0" + struct.pack("<I", start)
    path.write_bytes(data)
    return path


def test_what_is_both_dicom_and_tiff_is_a_volume_and_medical_whatever_it_is_taken_for(tmp_path):
    path = tiff_and_dicom(tmp_path / "IM000001")
    with Image.open(path) as picture:
        assert picture.size == (16, 16)
    assert detect(path) is Modality.VOLUME
    assert modalities.open(path).medical
    forced = modalities.open(path, "image")
    assert forced.modality is Modality.IMAGE
    assert forced.medical


def test_volumes_are_medical_and_other_inputs_only_where_the_caller_says_so(tmp_path):
    assert modalities.open(volume(tmp_path / "a.nii")).medical
    assert modalities.open(dicom_series(tmp_path / "series")).medical
    for path in (picture(tmp_path / "retina.png"), cloud(tmp_path / "skull.ply")):
        assert not modalities.open(path).medical
        assert modalities.open(path, medical=True).medical


def test_an_option_that_no_kind_has_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"there is no option 'wndow'; choose from .*planes.*window"):
        modalities.open(volume(tmp_path / "a.nii"), wndow="brain")


def test_an_option_of_another_kind_is_passed_over(tmp_path):
    assert modalities.open(picture(tmp_path / "a.png"), window="brain", backend="open3d").modality is Modality.IMAGE


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/"])
def test_a_name_that_is_no_files_name_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be a study's name"):
        modalities.open(picture(tmp_path / "a.png"), name=name)


def test_what_is_recognised_is_imported_lightly():
    """Every input is asked; only those of a kind may cost what its libraries take to import."""
    heavy = ("torch", "open3d", "nibabel", "skimage", "SimpleITK", "pydicom", "highdicom")
    code = (
        "import sys; from looktwice.modalities.opening import adapters; adapters(); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(modalities.__file__).parents[2])}
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("modality", ["auto", "image", "volume", "pointcloud"])
def test_a_missing_input_is_named(tmp_path, modality):
    with pytest.raises(InputError, match=r"nowhere\.png: no such file"):
        modalities.open(tmp_path / "nowhere.png", modality)


@pytest.mark.parametrize("modality", ["auto", "image", "volume", "pointcloud"])
def test_an_empty_file_is_named(tmp_path, modality):
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(InputError, match=r"empty\.png: the file is empty"):
        modalities.open(path, modality)


@pytest.mark.parametrize("content", [b"just some words\n", bytes(range(256)) * 4, b"\0" * 600, b"%PDF-1.7\n"])
def test_what_is_of_no_known_kind_is_named(tmp_path, content):
    path = tmp_path / "thing.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a supported image, point cloud or volume") as error:
        detect(path)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_series_is_no_study(tmp_path):
    picture(tmp_path / "a.png")
    with pytest.raises(InputError, match="folder contains no DICOM series"):
        detect(tmp_path)


def test_a_kind_that_was_asked_for_is_kept_to(tmp_path):
    with pytest.raises(InputError):
        modalities.open(picture(tmp_path / "a.png"), "volume")


def test_a_kind_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(UsageError, match="'hologram'; choose from image, pointcloud, volume"):
        modalities.open(picture(tmp_path / "a.png"), "hologram")
