"""The heatmap file of each kind of input."""

from __future__ import annotations

import nibabel as nib
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from looktwice.modalities.images import PixelMap

scores = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.floats(0, 1, width=32))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(scores)
def test_every_pixel_of_a_photograph_has_its_16_bit_score(tmp_path, values):
    name = PixelMap(values).write(tmp_path)["heatmap"]
    with Image.open(tmp_path / name) as picture:
        assert picture.mode == "I;16"
        np.testing.assert_array_equal(np.asarray(picture), np.round(65535 * values).astype(np.uint16))


def test_a_volume_keeps_the_geometry_of_its_input(tmp_path, make_volume):
    made = make_volume("PIR", spacing=(2.0, 2.5, 3.0))
    name = made.result.heatmap.write(tmp_path)["heatmap"]
    source, written = nib.load(made.study.source), nib.load(tmp_path / name)
    assert name == "heatmap.nii.gz"
    assert written.shape == source.shape
    np.testing.assert_array_equal(written.affine, source.affine)


def test_a_cloud_becomes_a_ply_file(tmp_path, make_cloud):
    made = make_cloud(points=50)
    assert made.result.heatmap.write(tmp_path) == {"heatmap": "heatmap.ply"}
    head = (tmp_path / "heatmap.ply").read_bytes()[:400]
    assert b"element vertex 50" in head
    assert b"scalar_anomaly_score" in head


def test_the_same_volume_gives_the_same_bytes(tmp_path, make_volume, monkeypatch):
    heatmap = make_volume().result.heatmap
    written = []
    for now in (1e9, 2e9):
        monkeypatch.setattr("time.time", lambda now=now: now)
        written.append((tmp_path / heatmap.write(tmp_path)["heatmap"]).read_bytes())
    assert written[0] == written[1]
