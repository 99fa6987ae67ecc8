"""The views of a cloud as a lazy sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from threading import Lock
from typing import overload

from looktwice.core.study import View
from looktwice.modalities.pointclouds.placed import PlacedCloud
from looktwice.modalities.rendering.cameras import Camera, place_cameras
from looktwice.modalities.rendering.renderer import Rendering, render

# Pixels on a side of a view.
VIEW_SIZE = 336


class CloudViews(Sequence[View]):
    """Views rendered when first asked for and kept, by whichever thread asks for one first.

    Parameters
    ----------
    cloud : PlacedCloud
        Its surface is asked for when the first view is.
    backend : str
        A key of `looktwice.modalities.rendering.backends.BACKENDS`.
    count : int or None
        How many views; None for as many as it takes to see every visible part twice.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from looktwice.modalities.pointclouds.cloud import Cloud
    >>> corners = np.random.default_rng(0).random((500, 3)) * (4, 2, 1)
    >>> views = CloudViews(PlacedCloud(Cloud(corners), Path("box.ply")), "numpy", count=3)
    >>> [camera.name for camera in views.cameras]
    ['from the front', 'from the back', 'from the top']
    >>> views[1].name, views[1].image.shape
    ('view 2 from the back', (336, 336, 3))
    """

    def __init__(self, cloud: PlacedCloud, backend: str, count: int | None) -> None:
        self._cloud = cloud
        self._backend = backend
        self._count = count
        self._done: list[Rendering] = []
        self._views: dict[int, View] = {}
        self._drawing = Lock()

    @cached_property
    def cameras(self) -> list[Camera]:
        """One camera per view."""
        return place_cameras(self._cloud.surface.points, self._cloud.frame, self._count, VIEW_SIZE)

    @cached_property
    def _pending(self) -> Iterator[Rendering]:
        return render(self._cloud.surface, self.cameras, self._backend)

    def __len__(self) -> int:
        return self._count or len(self.cameras)

    @overload
    def __getitem__(self, index: int) -> View: ...
    @overload
    def __getitem__(self, index: slice) -> list[View]: ...
    def __getitem__(self, index: int | slice) -> View | list[View]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        position = range(len(self))[index]
        if position not in self._views:
            rendering = self.rendering(position)
            name = f"view {position + 1} {rendering.camera.name}"
            self._views[position] = View(rendering.picture(), name, position)
        return self._views[position]

    def rendering(self, index: int) -> Rendering:
        """Return what was computed for one view."""
        with self._drawing:
            while len(self._done) <= index:
                self._done.append(next(self._pending))
        return self._done[index]
