"""A lesion is hotter than the healthy place across, whatever its sign, and it is called by its own side."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from looktwice.evidence import tissue
from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.mni import TEMPLATE_MM, template
from looktwice.modalities.volumes.study import VolumeStudy

from ..made_studies import ask

PLACE = (34.0, -12.0, 25.0)
# Fluid, grey and white matter as each contrast shows them; CT in HU, in air.
LEVELS = {"t1": (0.25, 0.6, 0.95), "t2": (1.0, 0.55, 0.38), "flair": (0.15, 0.65, 0.5), "ct": (8.0, 38.0, 29.0)}


def ball(affine: np.ndarray, shape: tuple[int, ...], side: int, radius: float) -> np.ndarray:
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"), axis=-1)
    centre = PLACE * np.array([side, 1, 1])
    inside: np.ndarray = np.linalg.norm(nib.affines.apply_affine(affine, grid) - centre, axis=-1) < radius
    return inside


def head(contrast: str) -> tuple[np.ndarray, np.ndarray]:
    """The template's shares of tissue as a contrast shows them, with a little noise."""
    brain = template(TEMPLATE_MM)
    fluid, grey, white = LEVELS[contrast]
    values = brain.grey * grey + brain.white * white + np.clip(brain.brain - brain.grey - brain.white, 0, 1) * fluid
    noise = np.random.default_rng(0).normal(0, 0.02 * max(LEVELS[contrast]), values.shape)
    return np.where(brain.brain > 0.5, values + noise, -1000 if contrast == "ct" else 0).astype(
        np.float32
    ), brain.affine


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("change", [0.7, 1.3])
@pytest.mark.parametrize(("contrast", "radius"), [("t1", 12), ("t2", 12), ("flair", 12), ("ct", 12), ("ct", 16)])
def test_a_lesion_is_hotter_than_its_mirror_place(tmp_path, contrast, radius, change, side):
    values, affine = head(contrast)
    lesion, across = (ball(affine, values.shape, one, radius) for one in (side, -side))
    changed = values + np.copysign(20, change - 1) if contrast == "ct" else change * values
    nib.save(nib.Nifti1Image(np.where(lesion, changed, values).astype(np.float32), affine), tmp_path / "head.nii.gz")
    study = open_volume(tmp_path / "head.nii.gz")
    assert isinstance(study, VolumeStudy)
    found = ask(tissue, study)
    assert found is not None
    heat = study.lift(np.zeros((len(study.views()), 8, 8))).joined([found.heat.values], [], own=False)

    assert heat.values[lesion].mean() > heat.values[across].mean()
    if contrast == "t1":
        strongest = heat.regions(0.5)[0]
        assert strongest.details["laterality"] == {-1: "left", 1: "right"}[side]
