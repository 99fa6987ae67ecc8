from __future__ import annotations

import numpy as np
import pytest

from looktwice.core.errors import InputError, UsageError
from looktwice.modalities.volumes import open_case

BLOB = (30.0, -56.0, 26.0)


@pytest.fixture
def pair(brain, add_blob, save_nifti):
    """A plain scan, and one with a blob that the first does not show."""
    data, affine = brain
    second = 500 * data
    add_blob(second, affine, BLOB)
    return save_nifti(data, affine, "t1, plain.nii.gz"), second, affine


def test_scans_become_colours(pair, save_nifti, brightness_maps):
    first, second, affine = pair
    path = save_nifti(second, affine, "flair.nii.gz")
    study = open_case(f"t1={first},flair={path}")
    pictures = [view.image for view in study.views()]

    differing = [int(np.count_nonzero(picture[..., 0] != picture[..., 1])) for picture in pictures]
    assert max(differing) > 0
    assert all((picture[..., 0] == picture[..., 2]).all() for picture in pictures)
    assert study.name == "t1, plain"
    assert "scans shown as colours: red t1, green flair" in study.notes


def test_another_grid_is_resampled(pair, save_nifti):
    first, second, affine = pair
    same = open_case(f"t1={first},flair={save_nifti(second, affine, 'same.nii.gz')}")
    coarse = second[4:, ::2, ::-1]
    moved = affine @ np.array([[1.0, 0, 0, 4], [0, 2, 0, 0], [0, 0, -1, second.shape[2] - 1], [0, 0, 0, 1]])
    other = open_case(f"t1={first},flair={save_nifti(coarse, moved, 'other.nii.gz')}")

    assert any("resampled" in note for note in other.notes)
    assert not any("resampled" in note for note in same.notes)
    green = [np.array([view.image[..., 1] for view in study.views()], float) for study in (same, other)]
    assert np.corrcoef(green[0].ravel(), green[1].ravel())[0, 1] > 0.97


def test_three_scans(pair, save_nifti):
    first, second, affine = pair
    flair, t2 = save_nifti(second, affine, "flair.nii"), save_nifti(second.max() - second, affine, "t2.nii")
    study = open_case(f"t1={first},flair={flair},t2={t2}")
    picture = study.views()[study.base].image.reshape(-1, 3)
    assert all((picture[:, one] != picture[:, other]).any() for one, other in ((0, 1), (1, 2), (0, 2)))


@pytest.mark.parametrize(
    "spec", ["", "a.nii", "flair=a.nii", "flair=a,flair=b", "a=1,b=2,c=3,d=4", "x,flair=a,t1=b", "a=,b=c"]
)
def test_unclear_cases(spec):
    with pytest.raises(UsageError, match="invalid case"):
        open_case(spec)


def test_missing_and_far_away_scans(pair, save_nifti):
    first, second, affine = pair
    with pytest.raises(InputError, match="missing"):
        open_case(f"t1={first},flair={first.with_name('missing.nii')}")
    far = affine.copy()
    far[:3, 3] += 1000
    with pytest.raises(InputError, match="does not overlap"):
        open_case(f"t1={first},flair={save_nifti(second, far, 'far.nii.gz')}")
