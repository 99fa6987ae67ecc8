"""The back ends that turn points and cameras into z-buffers, behind one interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module, util

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import UsageError
from looktwice.modalities.rendering.cameras import Camera
from looktwice.modalities.rendering.zbuffer import KeyImage

FloatArray = npt.NDArray[np.float32]

#: ``rasterize(points, cameras)`` yields one key image (S, S) per camera, in order: each pixel holds the nearest of
#: the points whose projection rounds to it, or `zbuffer.EMPTY`. Splatting comes after and is shared.
Rasterizer = Callable[[FloatArray, Sequence[Camera]], Iterator[KeyImage]]

#: Name of each back end and the module that it needs.
BACKENDS = {"open3d": "open3d", "pytorch3d": "pytorch3d", "numpy": "numpy"}


def get_rasterizer(backend: str) -> Rasterizer:
    """Return the rasteriser called `backend`.

    Raises
    ------
    UsageError
        If there is none of that name, or if what it stands on is not installed.
    """
    if backend not in BACKENDS:
        raise UsageError(f"unknown rendering back end {backend!r}; choose from {', '.join(BACKENDS)}")
    if util.find_spec(BACKENDS[backend]) is None:
        raise UsageError(f"rendering with {backend} needs `pip install 'looktwice[{backend}]'`")
    rasterize: Rasterizer = import_module(f"looktwice.modalities.rendering.raster_{backend}").rasterize
    return rasterize
