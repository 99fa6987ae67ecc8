"""FreeSurfer, Analyze, NIfTI in two files, PAR/REC, AFNI and MINC, compared with nibabel."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from looktwice.core.errors import InputError
from looktwice.modalities.volumes import is_volume, open_volume

DATA = Path(nib.__file__).parent / "tests" / "data"
AFFINE = np.array([[0, 0, -2.0, 30], [1.5, 0, 0, -40], [0, 1.0, 0, -20], [0, 0, 0, 1]])


@pytest.fixture
def data() -> np.ndarray:
    values = np.zeros((24, 20, 22), np.int16)
    values[4:-4, 3:-3, 4:-4] = np.random.default_rng(0).integers(80, 120, (16, 14, 14))
    return values


def heat_of(study, folder: Path) -> nib.Nifti1Image:
    study.lift(np.ones((len(study.views()), 4, 4))).save(folder / "heat.nii.gz")
    return nib.load(folder / "heat.nii.gz")


@pytest.mark.parametrize("name", ["case.mgz", "case.mgh", "case", "T1.MGZ"])
def test_freesurfer(data, tmp_path, name):
    source = tmp_path / "source.mgz"
    nib.MGHImage(data, AFFINE.astype(np.float32)).to_filename(source)
    path = tmp_path / name
    path.write_bytes(gzip.decompress(source.read_bytes()) if name == "case.mgh" else source.read_bytes())
    study = open_volume(path)

    assert is_volume(path)
    assert study.name == name.removesuffix(".mgz").removesuffix(".mgh")
    np.testing.assert_array_equal(study.scan.voxels[:, :, :], data)
    np.testing.assert_allclose(study.scan.affine, AFFINE, atol=1e-4)
    np.testing.assert_allclose(heat_of(study, tmp_path).affine, AFFINE, atol=1e-4)


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair])
def test_nifti_in_two_files(data, tmp_path, kind):
    image = kind(data, AFFINE)
    image.header.set_slope_inter(2.0, 5.0)
    image.to_filename(tmp_path / "case.hdr")
    study = open_volume(tmp_path / "case.hdr")

    assert study.name == "case"
    np.testing.assert_allclose(study.scan.voxels[:, :, :], nib.load(tmp_path / "case.hdr").get_fdata(), rtol=1e-6)
    np.testing.assert_allclose(study.scan.affine, AFFINE, atol=1e-5)
    heat = heat_of(study, tmp_path)
    np.testing.assert_allclose(heat.affine, AFFINE, atol=1e-5)
    assert heat.header["magic"] in (b"n+1", b"n+2")


@pytest.mark.parametrize("kind", [nib.AnalyzeImage, nib.Spm2AnalyzeImage])
def test_analyze_has_no_certain_sides(data, tmp_path, kind):
    kind(data, np.diag([-2.0, 2.0, 3.0, 1.0])).to_filename(tmp_path / "case.hdr")
    (tmp_path / "case.mat").unlink(missing_ok=True)
    study = open_volume(tmp_path / "case.hdr")

    np.testing.assert_array_equal(study.scan.voxels[:, :, :], data)
    np.testing.assert_allclose(study.scan.affine, nib.load(tmp_path / "case.hdr").affine)
    assert study.spacing == pytest.approx((2, 2, 3))
    assert any("left and right are not certain" in note for note in study.notes)


def test_the_file_of_voxels_names_the_one_to_give(data, tmp_path):
    nib.Nifti1Pair(data, AFFINE).to_filename(tmp_path / "case.hdr")

    with pytest.raises(InputError, match=r"give the \.hdr file"):
        open_volume(tmp_path / "case.img")


def test_a_missing_file_of_voxels_is_said(data, tmp_path):
    nib.Nifti1Pair(data, AFFINE).to_filename(tmp_path / "case.hdr")
    (tmp_path / "case.img").unlink()

    with pytest.raises(InputError, match="beside the header, is missing"):
        open_volume(tmp_path / "case.hdr")


@pytest.mark.parametrize(
    "name",
    ["test.mgz", "phantom_EPI_asc_CLEAR_2_1.PAR", "phantom_varscale.PAR", "example4d+orig.HEAD", "scaled+tlrc.HEAD",
     "minc1_1_scale.mnc", "minc1_4d.mnc", "tiny.mnc"],
)  # fmt: skip
def test_real_files_equal_nibabel(name):
    expected = nib.load(DATA / name)
    study = open_volume(DATA / name)
    values = np.asarray(expected.dataobj)
    values = values[..., 0] if values.ndim == 4 else values

    np.testing.assert_allclose(study.scan.voxels[:, :, :], values, rtol=1e-5)
    np.testing.assert_allclose(study.scan.affine, expected.affine, atol=1e-4)
    assert not any("quaternion" in note for note in study.notes)


@pytest.mark.parametrize("path", sorted(DATA.glob("*.[PhHmn]*")), ids=lambda path: path.name)
def test_no_file_of_nibabels_ends_in_a_traceback(path):
    try:
        study = open_volume(path)
    except InputError as error:
        refused = str(error)
    else:
        expected, refused = nib.load(path), ""
        assert study.scan.voxels.shape == (*expected.shape, 1, 1)[:3]
        np.testing.assert_allclose(study.scan.affine, expected.affine, atol=1e-4)
    assert "\n" not in refused


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_truncated_files_are_refused(data, tmp_path, share):
    path = tmp_path / "case.mgz"
    nib.MGHImage(data, AFFINE.astype(np.float32)).to_filename(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    with pytest.raises(InputError):
        open_volume(path)


def test_a_header_that_promises_terabytes_is_refused(data, tmp_path):
    path = tmp_path / "case.mgh"
    nib.MGHImage(data, AFFINE.astype(np.float32)).to_filename(path)
    content = bytearray(path.read_bytes())
    content[4:16] = np.array([32000] * 3, ">i4").tobytes()
    path.write_bytes(content)

    with pytest.raises(InputError, match="shorter than its header says"):
        open_volume(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.hdr", b"ENVI\nsamples = 3\n" + bytes(400)), ("x.mnc", b"hello" * 90), ("x.mgh", b"\0\0\0\1" + bytes(400))],
)
def test_other_files_with_these_endings_are_no_volumes(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert not is_volume(tmp_path / name)
