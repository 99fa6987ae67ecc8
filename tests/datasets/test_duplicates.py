from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from looktwice.datasets.duplicates import ALIKE, likeness, things_shown
from looktwice.datasets.folder import open_folder


def test_a_plate_that_is_photographed_again_is_the_same_thing(plates, photographed_again):
    samples = [sample for sample in open_folder(plates).samples() if sample.split == "test"]
    named = {}
    for sample, thing in zip(samples, things_shown(samples), strict=True):
        named.setdefault(thing, set()).add(f"{sample.defect}/{sample.path.stem}")
    assert {frozenset(group) for group in named.values() if len(group) > 1} == {
        frozenset({f"{kind}/{one}", f"{kind}/{other}"})
        for kind in ("pit", "blob")
        for one, other in (("000", "004"), ("001", "005"))
    }


@pytest.fixture
def photographed_again(plates):
    """Two plates of each kind once more, a little brighter and noisier."""
    rng = np.random.default_rng(5)
    for kind in ("pit", "blob"):
        for copy, of in (("004", "000"), ("005", "001")):
            image = np.asarray(Image.open(plates / "test" / kind / f"{of}.png"), float)
            again = (image * 0.97 + 4 + rng.normal(0, 0.5, image.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(again).save(plates / "test" / kind / f"{copy}.png")


def test_parts_in_one_pose_are_different_things():
    rng = np.random.default_rng(0)
    pose = np.zeros((64, 64))
    pose[16:48, 16:48] = 200
    pose[::8] += 50
    thumbs = np.array([pose + rng.normal(0, 6, pose.shape) for _ in range(8)])
    thumbs[7] = thumbs[6] + rng.normal(0, 1, pose.shape)
    alike = likeness(thumbs) > ALIKE
    assert alike[6, 7]
    assert alike.sum() == 8 + 2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 6), st.floats(0.5, 1.5), st.floats(-20, 20))
def test_likeness_is_a_correlation_that_exposure_does_not_change(seed, count, gain, offset):
    thumbs = np.random.default_rng(seed).normal(120, 10, (count, 64, 64))
    alike = likeness(thumbs)
    assert np.allclose(alike, alike.T)
    assert np.allclose(np.diag(alike), 1)
    assert np.abs(alike).max() <= 1 + 1e-9
    assert np.allclose(likeness(gain * thumbs + offset), alike, atol=1e-6)
