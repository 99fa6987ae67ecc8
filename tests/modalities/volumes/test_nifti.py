from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from looktwice.core.errors import InputError
from looktwice.modalities.volumes import is_volume, nifti, open_volume, voxel_map

NIBABEL = Path(nib.__file__).parent / "tests" / "data"


def textured(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    data = rng.normal(100, 10, shape).astype(np.float32)
    edges = np.zeros(shape, bool)
    edges[tuple(slice(n // 6, n - n // 6) if n > 3 else slice(None) for n in shape)] = True
    data[~edges] = 0
    return data


def saved_map(path: Path, folder: Path, **options) -> tuple[nib.spatialimages.SpatialImage, np.ndarray]:
    study = open_volume(path, **options)
    maps = np.random.default_rng(0).random((len(study.views()), 7, 7))
    lifted = study.lift(maps)
    lifted.save(folder / "heatmap.nii.gz")
    return nib.load(folder / "heatmap.nii.gz"), lifted.values


@pytest.mark.parametrize("name", ["anatomical.nii", "example4d.nii.gz", "example_nifti2.nii.gz", "functional.nii"])
def test_heatmap_has_the_geometry_of_real_inputs(name, tmp_path):
    given = nib.load(NIBABEL / name)
    heat, values = saved_map(NIBABEL / name, tmp_path)

    assert type(heat) is type(given)
    assert heat.shape == values.shape == given.shape[:3]
    assert heat.get_data_dtype().newbyteorder("=") == np.float32
    np.testing.assert_array_equal(heat.affine, given.affine)
    for form in ("qform", "sform"):
        ours, ours_code = getattr(heat, f"get_{form}")(coded=True)
        theirs, their_code = getattr(given, f"get_{form}")(coded=True)
        assert ours_code == their_code
        if theirs is not None:
            np.testing.assert_array_equal(ours, theirs)
    assert heat.header.get_xyzt_units()[0] == given.header.get_xyzt_units()[0]
    np.testing.assert_array_equal(heat.get_fdata(dtype=np.float32), values)
    assert values.min() >= 0
    assert 0 < values.max() <= 1


def test_heatmap_is_valid_gzip_and_leaves_no_partial_file(save_nifti, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    saved_map(save_nifti(textured((24, 30, 20))), out)

    assert [path.name for path in out.iterdir()] == ["heatmap.nii.gz"]
    assert len(gzip.decompress((out / "heatmap.nii.gz").read_bytes())) == 352 + 4 * 24 * 30 * 20


def test_codes_units_and_byte_order_are_kept_and_text_is_not(tmp_path):
    header = nib.Nifti1Header(endianness=">")
    image = nib.Nifti1Image(textured((20, 24, 22)), None, header)
    image.set_qform(np.diag([-2.0, 2, 3, 1]), code=3)
    image.set_sform(np.diag([-2.0, 2, 3.1, 1]), code=4)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"DOE^JANE 1970"
    image.header["db_name"] = b"DOE^JANE"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"DOE^JANE"))
    image.to_filename(tmp_path / "big.nii")

    heat, _ = saved_map(tmp_path / "big.nii", tmp_path)

    assert heat.get_qform(coded=True)[1] == 3
    assert heat.get_sform(coded=True)[1] == 4
    np.testing.assert_array_equal(heat.affine, np.diag([-2.0, 2, 3.1, 1]).astype(np.float32))
    assert heat.header.get_xyzt_units() == ("mm", "sec")
    assert b"DOE" not in gzip.decompress((tmp_path / "heatmap.nii.gz").read_bytes())


def test_picture_in_two_dimensions(save_nifti, tmp_path):
    heat, values = saved_map(save_nifti(textured((40, 50))), tmp_path)

    assert heat.shape == values.shape == (40, 50)


def test_content_decides_not_the_name(save_nifti, tmp_path):
    path = save_nifti(textured((20, 24, 22)))
    renamed = path.rename(tmp_path / "Schädel CT größer.dat")

    assert is_volume(renamed)
    assert open_volume(renamed).scan.voxels.shape == (20, 24, 22)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_large_scans_read_from_a_file_give_the_same(save_nifti, tmp_path, monkeypatch, suffix):
    path = save_nifti(np.rint(textured((30, 36, 28))).astype(np.int16), np.diag([2.0, 2, 2, 1]), f"case{suffix}")
    small = open_volume(path, planes="all")
    maps = np.random.default_rng(0).random((len(small.views()), 7, 7))
    pictures = [view.image for view in small.views()]
    values = small.lift(maps).values
    found = small.lift(maps).regions(0.6)

    monkeypatch.setattr(nifti, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(voxel_map, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(voxel_map, "SLAB_BYTES", 4 * 30 * 36 * 5)
    large = open_volume(path, planes="all")
    lifted = large.lift(maps)

    assert isinstance(large.scan.voxels.raw, nifti.RawFile)
    for view, picture in zip(large.views(), pictures, strict=True):
        np.testing.assert_array_equal(view.image, picture)
    lifted.save(tmp_path / "heat.nii.gz")
    np.testing.assert_allclose(nib.load(tmp_path / "heat.nii.gz").get_fdata(), values, atol=1e-6)
    again = lifted.regions(0.6)
    assert [region.bbox for region in again] == [region.bbox for region in found]
    assert [region.score for region in again] == pytest.approx([region.score for region in found])
    assert [region.details["mean_ring"] for region in again] == [region.details["mean_ring"] for region in found]


def test_channel_of_a_series(save_nifti):
    data = np.stack([textured((20, 24, 22), seed) for seed in range(3)], axis=-1)
    path = save_nifti(data)

    first, last = open_volume(path), open_volume(path, channel=2)

    np.testing.assert_array_equal(first.scan.voxels[:, :, :], data[..., 0])
    np.testing.assert_array_equal(last.scan.voxels[:, :, :], data[..., 2])
    assert "found 3 channels and used channel 0" in first.notes
    with pytest.raises(InputError, match="there is no channel 3"):
        open_volume(path, channel=3)


def test_scaled_integers_are_read_as_values(save_nifti):
    image = nib.Nifti1Image(np.rint(textured((20, 24, 22))).astype(np.int16), np.eye(4))
    path = save_nifti(textured((20, 24, 22)))
    image.header.set_slope_inter(0.5, -10)
    image.to_filename(path)

    expected = nib.load(path).get_fdata()

    np.testing.assert_allclose(open_volume(path).scan.voxels[:, :, :], expected, atol=1e-4)


def test_values_that_are_not_finite_count_as_background(save_nifti):
    data = textured((20, 24, 22))
    data[:4] = np.nan
    data[10, 10, 10] = np.inf
    study = open_volume(save_nifti(data))

    assert any("not finite" in note for note in study.notes)
    assert all(view.image.max() > 0 for view in study.views())
    assert np.isfinite(study.lift(np.ones((len(study.views()), 4, 4))).values).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.full((20, 20, 20), np.nan, np.float32), "finite"),
        (np.full((20, 20, 20), 7, np.int16), "same value"),
        (np.zeros((4, 4, 4, 4, 2), np.float32), "dimensions"),
    ],
)
def test_volumes_without_content_are_refused(save_nifti, data, message):
    path = save_nifti(data)
    with pytest.raises(InputError, match=message) as error:
        open_volume(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_truncated_files_are_refused(save_nifti, suffix, share):
    path = save_nifti(textured((20, 24, 22)), name=f"case{suffix}")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"shorter|truncated|not a CT or MRI volume|damaged"):
        open_volume(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_header_that_promises_terabytes_is_refused_at_once(save_nifti, suffix):
    path = save_nifti(textured((20, 24, 22)), name=f"case{suffix}")
    opener = gzip.open if suffix == ".nii.gz" else open
    with opener(path, "rb") as file:
        content = bytearray(file.read())
    content[42:48] = np.array([32000, 32000, 32000], "<i2").tobytes()
    with opener(path, "wb") as file:
        file.write(content)
    with pytest.raises(InputError, match="shorter than its header says"):
        open_volume(path)


def test_damaged_gzip_is_refused(save_nifti):
    path = save_nifti(textured((20, 24, 22)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(InputError):
        open_volume(path)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"hello", b"\x1f\x8b" + bytes(400), bytes(400)])
def test_other_files_are_no_volumes(tmp_path, content):
    path = tmp_path / "case.nii.gz"
    path.write_bytes(content)
    assert not is_volume(path)
    with pytest.raises(InputError, match="not a CT or MRI volume"):
        open_volume(path)


def test_unusable_affine_falls_back_to_voxel_sizes(tmp_path):
    path = tmp_path / "case.nii"
    nib.Nifti1Image(textured((20, 24, 22)), np.diag([2.0, 2, 2, 1])).to_filename(path)
    content = bytearray(path.read_bytes())
    content[280:296] = np.full(4, np.nan, "<f4").tobytes()  # srow_x
    path.write_bytes(content)

    study = open_volume(path)

    assert study.spacing == (2.0, 2.0, 2.0)
    assert any("affine" in note for note in study.notes)
