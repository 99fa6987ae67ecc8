"""The two sides of a head are held against each other only where its midline is sure."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from looktwice.core.calibration import Calibration
from looktwice.evidence import asymmetry
from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.asymmetry import coarse_head, find_mirror_plane
from looktwice.modalities.volumes.midline import distance_to_template

from ...made_studies import ask

CALIBRATION = Calibration(score_shift=0.8, score_scale=0.5)


def places(data: np.ndarray, affine: np.ndarray) -> np.ndarray:
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in data.shape), indexing="ij"), axis=-1)
    return nib.affines.apply_affine(affine, grid)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR"])
def test_the_plane_of_a_whole_head_is_the_templates(brain, save_nifti, codes):
    data, affine = brain
    image = nib.Nifti1Image(data, affine)
    wanted = nib.orientations.axcodes2ornt(codes)
    image = image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(affine), wanted))
    study = open_volume(save_nifti(np.asarray(image.dataobj), image.affine))
    head = coarse_head(study)

    assert distance_to_template(study, head, find_mirror_plane(head)) < 1.5


def test_a_lesion_does_not_shake_the_midline(brain, save_nifti):
    data, affine = brain
    data[np.linalg.norm(places(data, affine) - (34.0, -20.0, 30.0), axis=-1) < 18] = 0.2
    study = open_volume(save_nifti(data, affine))
    found = ask(asymmetry, study, CALIBRATION)

    assert found is not None
    assert found.score > 0.9
    assert not study.notes


@pytest.mark.parametrize("outside", ["cut", "empty"])
def test_a_head_without_its_right_side_is_not_judged(brain, save_nifti, outside):
    data, affine = brain
    seen = places(data, affine)[:, 0, 0, 0] < 32
    if outside == "cut":
        kept = np.flatnonzero(seen)
        data = data[kept[0] : kept[-1] + 1]
        affine = affine @ nib.affines.from_matvec(np.eye(3), (kept[0], 0, 0))
    else:
        data[~seen] = 0
    study = open_volume(save_nifti(data, affine))

    assert study.anatomy.part == "head"
    assert ask(asymmetry, study, CALIBRATION) is None
    assert any("sides not compared" in note for note in study.notes)


def test_vessels_alone_are_not_judged(brain, save_nifti):
    data, affine = brain
    vessels = np.zeros_like(data)
    for place in np.random.default_rng(0).permutation(np.argwhere(data > 0))[:400]:
        vessels[tuple(slice(at, at + 2) for at in place)] = 1.0
    study = open_volume(save_nifti(vessels, affine))

    assert ask(asymmetry, study, CALIBRATION) is None
    assert any("shows nothing" in note for note in study.notes)
