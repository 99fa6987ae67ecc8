"""Heads beside others, at the same place in MNI space."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from looktwice.core.finding import Finding
from looktwice.core.fuse import fuse
from looktwice.evidence.comparisons.brains import BrainComparer
from looktwice.evidence.comparisons.studies import StudyCohort, StudyReferences
from looktwice.modalities.volumes import open_volume

LESION = (28.0, -20.0, 28.0)


class Clearing(BrainComparer):
    """Says what speaks for a head too, which the comparer itself keeps back."""

    clears, judges_alone = True, False


@cache
def template() -> nib.Nifti1Image:
    from nilearn.datasets import load_mni152_template

    return load_mni152_template(resolution=2)


def head(folder: Path, seed: int, lesion: bool = False, codes: str = "RAS") -> Path:
    """Another brain: shading, contrast, noise and place differ; a lesion is as bright as white matter."""
    image, rng = template(), np.random.default_rng(seed)
    values = np.asarray(image.dataobj, np.float32)
    inside = values > 0
    if lesion:
        grid = np.stack(np.meshgrid(*(np.arange(n) for n in values.shape), indexing="ij"), axis=-1)
        near = np.linalg.norm(nib.affines.apply_affine(image.affine, grid) - LESION, axis=-1) < 9
        values = np.where(near, np.float32(0.25), values)
    shading = ndimage.gaussian_filter(rng.normal(0, 1, values.shape), 12)
    values = values ** rng.uniform(0.8, 1.25) * (1 + 0.04 * shading / shading.std())
    values = np.where(inside, 500 * values + rng.normal(0, 8, values.shape), 0).astype(np.float32)
    shift = nib.affines.from_matvec(np.eye(3), rng.uniform(-8, 8, 3))
    made = nib.Nifti1Image(values, shift @ image.affine)
    wanted = nib.orientations.axcodes2ornt(codes)
    made = made.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(made.affine), wanted))
    path = folder / f"{seed}{codes}.nii.gz"
    nib.save(made, path)
    return path


@pytest.fixture(scope="module")
def references(tmp_path_factory) -> StudyReferences:
    folder, comparer = tmp_path_factory.mktemp("normal"), Clearing()
    return StudyReferences(comparer, [comparer.describe(open_volume(head(folder, seed))) for seed in range(4)])


@pytest.mark.parametrize("codes", ["RAS", "PIR"])
def test_a_lesion_that_no_reference_has_is_found_where_it_is(references, tmp_path, codes):
    study = open_volume(head(tmp_path, 10, lesion=True, codes=codes))
    found = references.compare(study)
    sound = references.compare(open_volume(head(tmp_path, 11)))

    assert found.logit > sound.logit + 1
    whole = tuple(slice(0, count) for count in study.scan.voxels.shape)
    hottest = np.unravel_index(np.argmax(found.heat.values[whole]), study.scan.voxels.shape)
    place = nib.affines.apply_affine(study.to_mni @ study.scan.affine, hottest)
    assert np.linalg.norm(place - LESION) < 12
    assert found.heat.values[whole][0, 0, 0] == 0, "nothing is said outside the brain"


def test_in_a_cohort_the_one_with_a_lesion_is_the_worst(tmp_path):
    comparer = Clearing()
    studies = [open_volume(head(tmp_path, seed, lesion=seed == 22)) for seed in range(20, 25)]
    cohort = StudyCohort(comparer, {study.key: comparer.describe(study) for study in studies})
    assert int(np.argmax([cohort.compare(study).logit for study in studies])) == 2


def test_a_comparison_moves_the_heatmap(references, tmp_path):
    study = open_volume(head(tmp_path, 10, lesion=True))
    maps = np.full((len(study.views()), 4, 4), 0.3, np.float32)
    before = study.lift(maps)
    _, after, _ = fuse([Finding("made", 0.0, maps), references.compare(study)], study)
    at = tuple(np.rint(nib.affines.apply_affine(np.linalg.inv(study.to_mni @ study.scan.affine), LESION)).astype(int))
    assert after.values[at] > before.values[at]
    brain = before.values > 0
    assert np.median(after.values[brain]) < np.median(before.values[brain])


def test_finding_nothing_does_not_speak_for_a_head(references, tmp_path):
    kept = [references._comparer.describe(open_volume(head(tmp_path, seed))) for seed in range(3)]
    finding = StudyReferences(BrainComparer(), kept).compare(open_volume(head(tmp_path, 11)))
    assert finding.logit == 0


def test_what_is_no_head_is_not_compared(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "body.nii.gz"
    nib.save(nib.Nifti1Image(rng.normal(100, 5, (40, 40, 30)).astype(np.float32), np.diag([10.0, 8, 8, 1])), path)
    study = open_volume(path)
    assert BrainComparer().describe(study) is None
    assert "not compared" in study.notes[-1]
