from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from looktwice.modalities.volumes import is_volume
from looktwice.modalities.volumes.sniffing import VolumeFormat, volume_format

TEST_FILES = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "ExplVR_LitEndNoMeta.dcm",
        "ExplVR_BigEndNoMeta.dcm",
        "nested_priv_SQ.dcm",
    ],
)
def test_dicom_with_and_without_preamble(name):
    assert volume_format(TEST_FILES / name) is VolumeFormat.DICOM


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_of_both_versions(save_nifti, kind, name):
    assert volume_format(save_nifti(np.zeros((4, 4, 4)), name=name, kind=kind)) is VolumeFormat.NIFTI


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(400),
        b"\xff\xd8\xff\xe0" + bytes(400),
        b"II*\0" + bytes(400),
        b"ply\nformat ascii 1.0\n" + bytes(400),
        b"\x08\0\0\0" + bytes(400),
        b"\x02\0\x03\0" + b"\xff" * 400,
        b"PK\x03\x04 not a zip",
        b"NDims = 3",
        bytes(range(256)) * 2,
    ],
)
def test_other_content_is_no_volume(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not is_volume(path)


def test_a_folder_of_many_kinds_is_no_series(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    shutil.copy(TEST_FILES / "CT_small.dcm", tmp_path)
    assert not is_volume(tmp_path)


def test_a_series_may_lie_deeper(tmp_path):
    inner = tmp_path / "patient" / "study"
    inner.mkdir(parents=True)
    assert not is_volume(tmp_path)
    shutil.copy(TEST_FILES / "CT_small.dcm", inner / "IM1")
    assert is_volume(tmp_path)
