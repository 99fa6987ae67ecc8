"""Training of the tissue source on few painted cases of a small template."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from looktwice.core.errors import InputError
from looktwice.datasets.sample import GOOD
from looktwice.modalities.volumes import open_volume
from looktwice.training.tissue import draw_places, fit_logistic, paint_cases


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    from nilearn.datasets import load_mni152_template

    path = tmp_path_factory.mktemp("heads") / "template.nii.gz"
    nib.save(load_mni152_template(resolution=3), path)
    return open_volume(path)


def test_painted_cases_hold_what_they_say(head):
    cases = list(paint_cases([head], count=3, seed=1))

    assert cases[0].kind == GOOD
    assert not cases[0].lesion.any()
    assert any(case.lesion.any() for case in cases[1:])
    for case in cases:
        assert case.lesion.shape == case.tissue.fine.values.shape
        places, lesion = draw_places(np.random.default_rng(0), case)
        np.testing.assert_array_equal(case.lesion[tuple(places.T)], lesion)


def test_cases_are_the_same_for_the_same_seed(head):
    first, second = (next(iter(paint_cases([head], count=1, seed=4))) for _ in range(2))
    np.testing.assert_allclose(first.tissue.wide, second.tissue.wide, atol=1e-5)


def test_the_head_finds_the_feature_that_tells():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 6)).astype(np.float32)
    labels = features[:, 2] > 0.5
    head = fit_logistic(features, labels, np.ones(4000))
    assert np.abs(head.weights).argmax() == 2


def test_what_is_no_head_is_refused(tmp_path):
    nib.save(nib.Nifti1Image(np.random.default_rng(0).random((20, 20, 20), np.float32), np.eye(4)), tmp_path / "v.nii")
    with pytest.raises(InputError, match="aligned"):
        list(paint_cases([open_volume(tmp_path / "v.nii")], count=1))
