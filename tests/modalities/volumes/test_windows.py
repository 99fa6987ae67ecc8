from __future__ import annotations

import numpy as np
import pytest

from looktwice.core.errors import UsageError
from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.scan import Kind
from looktwice.modalities.volumes.windows import HU_PRESETS, choose_windows, hu_offset, looks_like_hu


def head_ct(brain: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """A head in HU from the template: air, tissue at 20 to 60 HU, a shell of bone."""
    from scipy import ndimage

    inside = ndimage.binary_fill_holes(brain[0] > 0.1)
    hounsfield = np.where(inside, 20 + 40 * brain[0], -1000)
    hounsfield[ndimage.binary_dilation(inside, iterations=3) & ~inside] = 900
    return np.rint(hounsfield).astype(np.int16)


def test_ct_is_told_by_its_values_and_shown_in_three_windows(brain, save_nifti):
    study = open_volume(save_nifti(head_ct(brain), brain[1]))

    assert study.kind is Kind.CT
    assert study.anatomy.part == "head"
    picture = study.views()[study.base].image
    assert study.windows.limits == ((0.0, 80.0), (-32.5, 182.5), (-500.0, 1500.0))
    middle = picture[tuple(n // 2 for n in picture.shape[:2])].astype(int)
    assert 60 < middle[0] < 220, "brain tissue is grey in the brain window"
    assert (picture.max(axis=(0, 1)) > 170).all()
    assert (picture[..., 0] != picture[..., 2]).any()


def test_wide_bodies_get_body_windows(save_nifti):
    data = np.full((90, 60, 40), -1000, np.int16)
    data[10:80, 10:50, 2:38] = 40
    data[20:40, 20:40, 2:38] = -800
    study = open_volume(save_nifti(data, np.diag([5.0, 5, 5, 1])))

    assert study.kind is Kind.CT
    assert study.anatomy.part == "body"
    assert study.windows.limits[1] == (-1350.0, 150.0)
    assert study.foreground[30:31, 30:31, 20:21].all(), "lungs belong to the body"


def test_mri_is_not_taken_for_ct(brain, save_nifti):
    study = open_volume(save_nifti(brain[0] * 1000, brain[1]))

    assert study.kind is Kind.OTHER
    assert len(set(study.windows.limits)) == 1
    picture = study.views()[study.base].image
    np.testing.assert_array_equal(picture[..., 0], picture[..., 2])


def test_windows_are_constant_over_the_volume(brain, save_nifti):
    """A tissue has the same grey in each slice, also beside a lesion that is brighter than all else."""
    data, affine = brain
    plain = open_volume(save_nifti(data, affine, "plain.nii.gz"))
    data[60, 60, 60] = 40
    bright = open_volume(save_nifti(data, affine, "bright.nii.gz"))

    for number in range(0, len(plain.views()), 10):
        difference = plain.views()[number].image.astype(int) - bright.views()[number].image
        assert np.mean(np.abs(difference) > 3) < 0.01


@pytest.mark.parametrize("planes", ["axial", "all"])
def test_neighbouring_slices_as_colours(brain, save_nifti, planes):
    path = save_nifti(*brain)
    grey = open_volume(path, planes=planes).views()
    coloured = open_volume(path, planes=planes, neighbours_mm=4.0).views()  # two slices of 2 mm

    for view, plain in zip(coloured, grey, strict=True):
        np.testing.assert_array_equal(view.image[..., 1], plain.image[..., 1])
    for number in (14, 30, 31, 32, 47):
        np.testing.assert_array_equal(coloured[number].image[..., 0], grey[number - 2].image[..., 0])
        np.testing.assert_array_equal(coloured[number].image[..., 2], grey[number + 2].image[..., 0])


@pytest.mark.parametrize("name", HU_PRESETS)
def test_presets_by_name(name):
    level, width = HU_PRESETS[name]
    for spelling in (name, name.upper(), name.replace(" ", "_")):
        windows = choose_windows(spelling, Kind.OTHER, False, np.zeros(3, np.float32))
        assert windows.limits == ((level - width / 2, level + width / 2),) * 3


def test_level_and_width():
    windows = choose_windows("40,80", Kind.CT, True, np.zeros(3, np.float32))
    shades = windows(np.array([-1000, 0, 40, 80, 3000], np.float32))
    np.testing.assert_array_equal(shades[:, 0], [0, 0, 127, 255, 255])


@pytest.mark.parametrize("window", ["liver", "40", "40,0", "40,-5", "a,b", "1,2,3", "nan,inf"])
def test_unknown_windows(window):
    with pytest.raises(UsageError, match="unknown window"):
        choose_windows(window, Kind.CT, True, np.zeros(3, np.float32))


def test_hounsfield_needs_air_and_tissue():
    assert looks_like_hu(np.r_[np.full(50, -1000), np.full(50, 40)].astype(np.float32))
    assert not looks_like_hu(np.linspace(0, 3000, 100, dtype=np.float32))
    assert not looks_like_hu(np.linspace(-60, 400, 100, dtype=np.float32))


@pytest.mark.parametrize("noise", [0.0, 4.0, 12.0])
@pytest.mark.parametrize(("shift", "cut"), [(1024.0, -1024.0), (1000.0, -1000.0), (0.0, 0.0)])
def test_ct_saved_without_negative_numbers_is_told_and_brought_back(shift, cut, noise):
    rng = np.random.default_rng(0)
    hounsfield = rng.normal(-1000.0, noise, (40, 40, 40))
    hounsfield[7:33, 7:33, 7:33] = rng.normal(900, 100, (26, 26, 26))  # a skull
    hounsfield[8:32, 8:32, 8:32] = rng.normal(35, 8, (24, 24, 24))  # a brain
    saved = (np.maximum(hounsfield, cut) + shift).astype(np.float32)
    assert hu_offset(saved) == shift
    assert hu_offset(hounsfield.astype(np.float32)) is None


@pytest.mark.parametrize(("shift", "cut"), [(1024.0, -1024.0), (1000.0, -1000.0)])
def test_what_was_added_is_told_by_the_brain_where_all_air_is_cut_off(shift, cut):
    rng = np.random.default_rng(0)
    hounsfield = np.full((40, 40, 40), cut)
    hounsfield[7:33, 7:33, 7:33] = rng.normal(900, 100, (26, 26, 26))
    hounsfield[8:32, 8:32, 8:32] = rng.normal(33, 6, (24, 24, 24))
    assert hu_offset((hounsfield + shift).astype(np.float32)) == shift


def test_an_mri_whose_air_is_noise_is_no_ct_without_negative_numbers():
    rng = np.random.default_rng(0)
    head = rng.gamma(1.5, 2.0, (40, 40, 40))  # air: noise of a few units
    head[7:33, 7:33, 7:33] = rng.normal(400, 60, (26, 26, 26))  # fat of the scalp
    head[8:32, 8:32, 8:32] = rng.normal(120, 30, (24, 24, 24))
    head[8, 8, 8] = 829.0
    assert hu_offset(np.rint(np.maximum(head, 0)).astype(np.float32)) is None
