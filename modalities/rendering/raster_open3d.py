"""Z-buffering by Open3D's tensor projection, which needs no display."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import open3d as o3d

from looktwice.modalities.rendering.cameras import Camera
from looktwice.modalities.rendering.chunks import CHUNK
from looktwice.modalities.rendering.zbuffer import EMPTY, KeyImage, pack

FloatArray = npt.NDArray[np.float32]


def rasterize(points: FloatArray, cameras: Sequence[Camera]) -> Iterator[KeyImage]:
    """Yield the z-buffer of every camera (see `backends.Rasterizer`)."""
    # Indices travel as float32 "colours", which are exact to 2**24: far above a chunk.
    colours = np.zeros((min(len(points), CHUNK), 3), np.float32)
    colours[:, 0] = np.arange(len(colours))
    for camera in cameras:
        keys = np.full((camera.size, camera.size), EMPTY)
        for start in range(0, len(points), CHUNK):
            chunk = points[start : start + CHUNK]
            np.minimum(keys, _project(camera, chunk, colours[: len(chunk)], start), out=keys)
        yield keys


def _project(camera: Camera, points: FloatArray, colours: FloatArray, start: int) -> KeyImage:
    # A pinhole divides by depth: multiplying by it beforehand makes the projection orthographic.
    pixels = camera.project(points)
    pixels[:2] *= pixels[2]
    cloud = o3d.t.geometry.PointCloud(o3d.core.Tensor.from_numpy(np.ascontiguousarray(pixels.T)))
    cloud.point.colors = o3d.core.Tensor.from_numpy(colours)
    identity = o3d.core.Tensor.eye(3, o3d.core.float64)
    image = cloud.project_to_rgbd_image(
        camera.size, camera.size, identity, depth_scale=1.0, depth_max=float(pixels[2].max()) + 1
    )
    depth = image.depth.as_tensor().numpy()[..., 0]
    index = image.color.as_tensor().numpy()[..., 0].astype(np.int64) + start
    return np.where(depth > 0, pack(depth, index), EMPTY)
