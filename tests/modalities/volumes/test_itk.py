from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from looktwice.core.errors import InputError
from looktwice.modalities.volumes import is_volume, open_volume


def oblique_image(data: np.ndarray) -> tuple[sitk.Image, np.ndarray]:
    """Return an ITK image of voxels (x, y, z) and its affine to RAS."""
    image = sitk.GetImageFromArray(data.T)
    turn = nib.eulerangles.euler2mat(0.2, 0.1, 0.3)
    image.SetDirection(turn.ravel().tolist())
    image.SetSpacing((1.5, 2.0, 3.0))
    image.SetOrigin((-30.0, 10.0, 5.0))
    affine = np.eye(4)
    affine[:3, :3] = turn * (1.5, 2.0, 3.0)
    affine[:3, 3] = (-30, 10, 5)
    return image, np.diag([-1.0, -1, 1, 1]) @ affine


@pytest.fixture
def data() -> np.ndarray:
    values = np.zeros((30, 26, 20), np.int16)
    values[4:-4, 4:-4, 3:-3] = np.random.default_rng(0).integers(80, 120, (22, 18, 14))
    values[10:14, 8:12, 9:12] = 500
    return values


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_geometry_of_itk_becomes_ras(data, suffix, tmp_path, brightness_maps):
    image, affine = oblique_image(data)
    path = tmp_path / f"größe 1{suffix}"
    sitk.WriteImage(image, str(path))
    study = open_volume(path, window="400,200")

    assert is_volume(path)
    assert study.name == "größe 1"
    np.testing.assert_array_equal(study.scan.voxels[:, :, :], data)
    np.testing.assert_allclose(study.scan.affine, affine, atol=1e-6)
    lifted = study.lift(brightness_maps(study))
    region = lifted.regions(0.3)[0]
    expected = (affine @ (11.5, 9.5, 10, 1))[:3]
    assert np.linalg.norm(np.subtract(region.centroid_world_mm, expected)) < 2

    lifted.save(tmp_path / "heat.nii.gz")
    heat = nib.load(tmp_path / "heat.nii.gz")
    assert heat.shape == data.shape
    np.testing.assert_allclose(heat.affine, affine, atol=1e-4)
    assert (int(heat.header["qform_code"]), int(heat.header["sform_code"])) == (1, 1)


def test_vectors_are_channels(data, tmp_path):
    image = sitk.Compose([sitk.GetImageFromArray(data.T), sitk.GetImageFromArray(data.T + 1)])
    sitk.WriteImage(image, str(tmp_path / "two.nrrd"))

    study = open_volume(tmp_path / "two.nrrd", channel=1)
    np.testing.assert_array_equal(study.scan.voxels[:, :, :], data + 1)
    assert "found 2 channels and used channel 1" in study.notes
    with pytest.raises(InputError, match="channel 5"):
        open_volume(tmp_path / "two.nrrd", channel=5)


def test_one_slice(data, tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(data[:, :, 10].T), str(tmp_path / "slice.nrrd"))
    study = open_volume(tmp_path / "slice.nrrd")
    assert study.scan.voxels.shape == (30, 26, 1)
    assert len(study.views()) == 1


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_truncated_files_are_refused(data, suffix, tmp_path):
    path = tmp_path / f"case{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(data.T), str(path), useCompression=False)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(InputError, match="truncated") as error:
        open_volume(path)
    assert "\n" not in str(error.value)


def test_header_that_promises_terabytes_is_refused(tmp_path):
    path = tmp_path / "huge.nrrd"
    lines = ["NRRD0004", "type: short", "dimension: 3", "sizes: 30000 30000 30000", "encoding: gzip", "endian: little"]
    path.write_bytes("\n".join([*lines, "", ""]).encode() + gzip.compress(bytes(1000)))
    with pytest.raises(InputError):
        open_volume(path)


def test_missing_data_file_is_said(data, tmp_path):
    path = tmp_path / "case.mhd"
    sitk.WriteImage(sitk.GetImageFromArray(data.T), str(path))
    Path(tmp_path / "case.raw").unlink()
    with pytest.raises(InputError, match="data file is missing"):
        open_volume(path)


def nrrd(path: Path, data: np.ndarray, *lines: str) -> Path:
    sizes = " ".join(map(str, data.shape))
    head = ["NRRD0005", "type: short", "dimension: 3", f"sizes: {sizes}", "endian: little", "encoding: raw", *lines]
    path.write_bytes("\n".join([*head, "", ""]).encode() + data.tobytes(order="F"))
    return path


DIRECTIONS = "space directions: (2,0,0) (0,2,0) (0,0,3)"


@pytest.mark.parametrize(
    ("lines", "orientation", "sizes"),
    [
        (("space: left-posterior-superior", DIRECTIONS), True, True),
        (("space: RAS", DIRECTIONS), True, True),
        (("space dimension: 3", DIRECTIONS), False, True),
        (("space: scanner-xyz", DIRECTIONS), False, True),
        (("spacings: 2 2 3",), False, True),
        (("# space: left-posterior-superior",), False, False),
        ((), False, False),
    ],
)
def test_what_an_nrrd_does_not_state_is_said(data, tmp_path, lines, orientation, sizes):
    study = open_volume(nrrd(tmp_path / "case.nrrd", data, *lines))

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], data)
    assert any("left and right are not certain" in note for note in study.notes) is not orientation
    assert study.scan.measured is sizes
    assert any("no voxel sizes" in note for note in study.notes) is not sizes


@pytest.mark.parametrize(
    ("lines", "orientation", "sizes"),
    [
        (("TransformMatrix = 1 0 0 0 1 0 0 0 1", "ElementSpacing = 2 2 3"), True, True),
        (("AnatomicalOrientation = RAI", "ElementSpacing = 2 2 3"), True, True),
        (("AnatomicalOrientation = ???", "ElementSpacing = 2 2 3"), False, True),
        (("ElementSize = 2 2 3",), False, True),
        ((), False, False),
    ],
)
def test_what_a_metaimage_does_not_state_is_said(data, tmp_path, lines, orientation, sizes):
    path = tmp_path / "case.mha"
    size = " ".join(map(str, data.shape))
    head = ["ObjectType = Image", "NDims = 3", f"DimSize = {size}", *lines, "ElementType = MET_SHORT"]
    path.write_bytes("\n".join([*head, "ElementDataFile = LOCAL", ""]).encode() + data.tobytes(order="F"))
    study = open_volume(path)

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], data)
    assert any("left and right are not certain" in note for note in study.notes) is not orientation
    assert study.scan.measured is sizes
