"""Unusual tissue: a lesion is found where it lies, a healthy brain stays below, a wrong file is named."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from safetensors.numpy import save_file

from looktwice.core.calibration import NORMAL_LOGIT, Calibration
from looktwice.core.errors import WeightsError
from looktwice.core.fuse import fuse
from looktwice.evidence import tissue
from looktwice.evidence.tissue import (
    PROBES_FILE,
    LinearProbe,
    TissueProbes,
    calibrate_by,
    on_common_scale,
    shipped_probes,
    worst,
)
from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.tissue import Contrast

from ..made_studies import ask


@pytest.fixture(scope="module")
def template() -> nib.Nifti1Image:
    from nilearn.datasets import load_mni152_template

    return load_mni152_template(resolution=2)


def with_ball(
    template: nib.Nifti1Image, place: tuple[float, float, float], radius: float, intensity: float
) -> np.ndarray:
    values = np.asarray(template.dataobj, np.float32).copy()
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in values.shape), indexing="ij"), axis=-1)
    values[np.linalg.norm(nib.affines.apply_affine(template.affine, grid) - place, axis=-1) < radius] *= intensity
    return values


@pytest.mark.parametrize("intensity", [0.5, 1.5])
def test_a_lesion_is_found_where_it_lies(template, tmp_path, intensity):
    place = (28.0, -24.0, 26.0)
    nib.save(nib.Nifti1Image(with_ball(template, place, 8, intensity), template.affine), tmp_path / "lesion.nii.gz")
    study = open_volume(tmp_path / "lesion.nii.gz")

    assert tissue.fits(study)
    _, heatmap, [region, *_] = fuse([ask(tissue, study)], study)

    assert 0 <= heatmap.values.min() <= heatmap.values.max() <= 1
    assert np.linalg.norm(np.asarray(region.centroid_world_mm) - place) < 6
    assert region.details["laterality"] == "right"
    assert heatmap.in_views().max() == pytest.approx(heatmap.values.max(), abs=0.05)


def test_the_score_follows_the_most_unusual_places():
    rng = np.random.default_rng(0)
    normal = [rng.normal(-5, 1, 50_000).astype(np.float32) for _ in range(5)]
    probe = on_common_scale(LinearProbe(np.ones(1, np.float32), 0.0), normal)
    normal = [logits * probe.weights[0] + np.float32(probe.bias) for logits in normal]
    calibration = calibrate_by(normal)
    lesion = np.append(normal[0], np.full(100, 20, np.float32))
    masked = np.append(normal[0], np.full(1000, np.nan, np.float32))

    assert calibration.score(worst(lesion)) > 0.9
    assert worst(masked) == pytest.approx(worst(normal[0]))
    assert np.mean([calibration.score(worst(logits)) >= 0.5 for logits in normal]) <= 0.4
    assert np.median(normal[0]) == pytest.approx(NORMAL_LOGIT, abs=0.1)


def test_a_head_comes_back_as_it_was_saved(tmp_path):
    probes = shipped_probes()
    probes.save(tmp_path / "deep" / "head.safetensors")
    again = TissueProbes.load(tmp_path / "deep" / "head.safetensors")

    assert again.by_contrast.keys() == probes.by_contrast.keys() == {look.value for look in Contrast}
    for look, linear in probes.by_contrast.items():
        np.testing.assert_array_equal(again.by_contrast[look].weights, linear.weights)
    assert again.calibration == probes.calibration


def test_other_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="not a file of tissue probes"):
        TissueProbes.load(tmp_path / "missing.safetensors")
    (tmp_path / "text.safetensors").write_text("nothing")
    with pytest.raises(WeightsError, match="not a file of tissue probes"):
        TissueProbes.load(tmp_path / "text.safetensors")
    save_file(
        {"t1": np.zeros(3, np.float32)},
        tmp_path / "other.safetensors",
        metadata={"calibration": "{}"},
    )
    with pytest.raises(WeightsError, match="other features"):
        TissueProbes.load(tmp_path / "other.safetensors")


def test_the_shipped_head_is_small():
    assert Path(PROBES_FILE).stat().st_size < 10_000


def test_one_odd_brain_does_not_hide_the_lesions_of_others():
    rng = np.random.default_rng(0)
    normals = [rng.normal(-5, 1, 50_000).astype(np.float32) for _ in range(5)]
    probe = on_common_scale(LinearProbe(np.ones(1, np.float32), 0.0), normals)
    with_odd = on_common_scale(LinearProbe(np.ones(1, np.float32), 0.0), [*normals, 4 * normals[0]])

    assert with_odd.bias == pytest.approx(probe.bias, abs=0.1)


def test_where_much_of_a_brain_looks_unusual_the_source_is_silent_and_says_so(template, tmp_path, monkeypatch):
    nib.save(nib.Nifti1Image(with_ball(template, (28.0, -24.0, 26.0), 8, 1.5), template.affine), tmp_path / "l.nii.gz")
    study = open_volume(tmp_path / "l.nii.gz")
    # A calibration by which every place is far above normal.
    everywhere = TissueProbes(shipped_probes().by_contrast, Calibration(map_shift=-1e3))
    monkeypatch.setattr("looktwice.evidence.tissue.shipped_probes", lambda: everywhere)
    assert ask(tissue, study) is None
    assert any("tissue not assessed" in note for note in study.notes)


def test_vessels_alone_are_not_judged(template, tmp_path):
    values = np.asarray(template.dataobj, np.float32)
    vessels = np.zeros_like(values)
    for place in np.random.default_rng(0).permutation(np.argwhere(values > 0))[:400]:
        vessels[tuple(slice(at, at + 2) for at in place)] = 1.0
    nib.save(nib.Nifti1Image(vessels, template.affine), tmp_path / "vessels.nii.gz")
    study = open_volume(tmp_path / "vessels.nii.gz")
    study.to_mni = np.eye(4)  # the template lies in MNI space; vessels alone may not align

    assert ask(tissue, study) is None
    assert any("tissue not assessed" in note for note in study.notes)
