from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.tissue import FEATURES, Tissue, measure_tissue

PLACE = (26.0, -20.0, 28.0)


@pytest.fixture
def measured(brain, save_nifti):
    """A brain with a ball of unusual intensity in its white matter, measured."""

    def measure(intensity: float) -> Tissue:
        data, affine = brain
        grid = np.stack(np.meshgrid(*(np.arange(n) for n in data.shape), indexing="ij"), axis=-1)
        data[np.linalg.norm(nib.affines.apply_affine(affine, grid) - PLACE, axis=-1) < 7] *= intensity
        tissue = measure_tissue(open_volume(save_nifti(data, affine)))
        assert tissue is not None
        return tissue

    return measure


def feature(tissue: Tissue, name: str) -> np.ndarray:
    weights = np.zeros(len(FEATURES), np.float32)
    weights[FEATURES.index(name)] = 1
    return tissue.logits(weights, 0.0)


def at_place(tissue: Tissue, values: np.ndarray, world: tuple[float, ...] = PLACE) -> float:
    index = np.rint(nib.affines.apply_affine(np.linalg.inv(tissue.fine.affine), world)).astype(int)
    return float(values[tuple(index)])


@pytest.mark.parametrize(("intensity", "side", "other"), [(1.3, "bright", "dark"), (0.6, "dark", "bright")])
@pytest.mark.parametrize("kind", ["deviation", "deviation_2mm", "blob_6mm", "asymmetry_5mm"])
def test_unusual_tissue_stands_out_on_its_own_side(measured, intensity, side, other, kind):
    tissue = measured(intensity)
    found = feature(tissue, f"{side} {kind}")

    assert at_place(tissue, found) > np.nanquantile(found, 0.9)
    assert at_place(tissue, feature(tissue, f"{other} {kind}")) == 0


def test_a_head_gives_the_same_logits_everywhere_as_at_single_places(measured):
    tissue = measured(1.3)
    weights = np.random.default_rng(0).normal(size=len(FEATURES)).astype(np.float32)
    logits = tissue.logits(weights, 0.5)
    places = np.argwhere(np.isfinite(logits))[::2000]

    np.testing.assert_allclose(logits[tuple(places.T)], tissue.at(places) @ weights + 0.5, atol=1e-3)
    np.testing.assert_array_equal(np.isfinite(logits), tissue.inside())


def test_intensities_of_any_scale_measure_alike(brain, save_nifti):
    data, affine = brain
    first, second = (
        measure_tissue(open_volume(save_nifti(values, affine))) for values in (data, (data * 1000).astype(np.float32))
    )
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(first.wide, second.wide, atol=0.05)
