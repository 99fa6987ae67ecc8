"""What each adapter says of itself is so."""

from __future__ import annotations

import inspect

import pytest

from looktwice import modalities
from looktwice.core.errors import UsageError
from looktwice.modalities.images.opening import open_image
from looktwice.modalities.images.pixel_map import PixelMap
from looktwice.modalities.pointclouds.opening import open_pointcloud
from looktwice.modalities.pointclouds.pointmap import PointMap
from looktwice.modalities.volumes.opening import open_volume
from looktwice.modalities.volumes.voxel_map import VoxelMap


def test_the_kinds_are_found_by_their_folders():
    assert modalities.kinds() == ["image", "pointcloud", "volume"]
    assert all(modalities.adapter_named(kind).kind == kind for kind in modalities.kinds())


@pytest.mark.parametrize(
    ("kind", "opening"), [("image", open_image), ("volume", open_volume), ("pointcloud", open_pointcloud)]
)
def test_the_options_are_those_that_opening_takes(kind, opening):
    taken = [name for name in inspect.signature(opening).parameters if name != "source"]
    assert sorted(modalities.adapter_named(kind).options) == sorted(taken)


@pytest.mark.parametrize(("kind", "map_type"), [("image", PixelMap), ("volume", VoxelMap), ("pointcloud", PointMap)])
def test_the_exports_are_those_that_its_map_writes(kind, map_type):
    assert modalities.adapter_named(kind).exports == map_type.exports


def test_a_map_without_exports_says_so(tmp_path, photograph):
    with pytest.raises(UsageError, match="'glb'; a photograph has no exports"):
        photograph.result.heatmap.export("glb", tmp_path)
