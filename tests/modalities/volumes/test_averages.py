from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looktwice.modalities.volumes import open_volume
from looktwice.modalities.volumes.averages import average, block_means


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL"])
def test_samples_lie_where_their_affine_says(brain, save_nifti, codes):
    data, affine = brain
    image = nib.Nifti1Image(data, affine)
    wanted = nib.orientations.axcodes2ornt(codes)
    image = image.as_reoriented(nib.orientations.ornt_transform(nib.io_orientation(affine), wanted))
    study = open_volume(save_nifti(np.asarray(image.dataobj), image.affine))
    everything = tuple(slice(0, count) for count in study.scan.voxels.shape)

    means = average(study.scan.voxels, study.scan.affine, study.orientation, everything, 2.0)

    assert nib.aff2axcodes(means.affine) == ("R", "A", "S")
    places = np.argwhere(means.values > 0.5)[::997]
    voxels = nib.affines.apply_affine(np.linalg.inv(study.scan.affine) @ means.affine, places)
    expected = study.scan.voxels[:, :, :][tuple(np.rint(voxels).astype(int).T)]
    np.testing.assert_allclose(means.values[tuple(places.T)], expected, rtol=1e-5)


def test_blocks_come_back_to_the_voxels_as_their_means(brain, save_nifti):
    data, affine = brain
    study = open_volume(save_nifti(data, affine))
    extent = study.foreground.extent

    means = average(study.scan.voxels, study.scan.affine, study.orientation, extent, 4.0)
    box = tuple(slice(count // 2 - 4, count // 2 + 4) for count in data.shape)
    lifted = means.field(np.ones_like(means.values))[box]

    assert means.spacing == pytest.approx([4, 4, 4])
    np.testing.assert_allclose(lifted, 1, rtol=1e-5)
    assert means.coarser(8.0).spacing == pytest.approx([8, 8, 8])
    assert means.inside(study.foreground).mean() > 0.4


@settings(max_examples=30, deadline=None)
@given(
    counts=st.tuples(*[st.integers(1, 9)] * 3),
    steps=st.tuples(*[st.integers(1, 3)] * 3),
    seed=st.integers(0, 100),
)
def test_block_means_keep_the_mean_of_whole_blocks(counts, steps, seed):
    steps = tuple(min(step, count) for step, count in zip(steps, counts, strict=True))
    values = np.random.default_rng(seed).random(counts).astype(np.float32)
    means = block_means(values, steps)
    used = values[tuple(slice(0, count // step * step) for count, step in zip(counts, steps, strict=True))]
    assert means.mean() == pytest.approx(used.mean(), abs=1e-5)
