"""Z-buffering in NumPy: one pass of ``minimum.at``, which on a CPU is several times faster than Open3D's kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from looktwice.modalities.rendering.cameras import Camera
from looktwice.modalities.rendering.chunks import CHUNK
from looktwice.modalities.rendering.zbuffer import EMPTY, KeyImage, pack, pixel_of

FloatArray = npt.NDArray[np.float32]


def rasterize(points: FloatArray, cameras: Sequence[Camera]) -> Iterator[KeyImage]:
    """Yield the z-buffer of every camera (see `backends.Rasterizer`)."""
    index = np.arange(min(len(points), CHUNK))
    for camera in cameras:
        keys = np.full(camera.size * camera.size, EMPTY)
        for start in range(0, len(points), CHUNK):
            column, row, depth = camera.project(points[start : start + CHUNK])
            pixel, inside = pixel_of(column, row, camera.size)
            key = pack(depth, index[: len(depth)])
            key += start
            if not inside.all():
                pixel, key = pixel[inside], key[inside]
            np.minimum.at(keys, pixel, key)
        yield keys.reshape(camera.size, camera.size)
