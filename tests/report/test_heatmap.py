from __future__ import annotations

import nibabel as nib
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from looktwice.core.study import Modality
from looktwice.modalities.images import PixelMap
from looktwice.report.heatmap import write_heatmap

scores = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=20), elements=st.floats(0, 1, width=32))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(scores)
def test_every_pixel_of_a_photograph_has_its_16_bit_score(tmp_path, values):
    name = write_heatmap(PixelMap(values), Modality.IMAGE, tmp_path)
    with Image.open(tmp_path / name) as picture:
        assert picture.mode == "I;16"
        np.testing.assert_array_equal(np.asarray(picture), np.round(65535 * values).astype(np.uint16))


def test_a_volume_keeps_the_geometry_of_its_input(tmp_path, make_volume):
    made = make_volume("PIR", spacing=(2.0, 2.5, 3.0))
    name = write_heatmap(made.result.heatmap, Modality.VOLUME, tmp_path)
    source, written = nib.load(made.study.source), nib.load(tmp_path / name)
    assert name == "heatmap.nii.gz"
    assert written.shape == source.shape
    np.testing.assert_array_equal(written.affine, source.affine)


def test_a_cloud_becomes_a_ply_file(tmp_path, make_cloud):
    made = make_cloud(points=50)
    assert write_heatmap(made.result.heatmap, Modality.POINTCLOUD, tmp_path) == "heatmap.ply"
    head = (tmp_path / "heatmap.ply").read_bytes()[:400]
    assert b"element vertex 50" in head
    assert b"scalar_anomaly_score" in head
