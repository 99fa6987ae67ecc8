"""The views of a cloud as a lazy sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, overload

from looktwice.core.study import View
from looktwice.modalities.rendering.cameras import Camera
from looktwice.modalities.rendering.renderer import Rendering, render

if TYPE_CHECKING:
    from looktwice.modalities.pointclouds.study import CloudStudy


class CloudViews(Sequence[View]):
    """Views rendered when first asked for and kept, by whichever thread asks for one first."""

    def __init__(self, study: CloudStudy, count: int | None) -> None:
        self._study = study
        self._count = count
        self._done: list[Rendering] = []
        self._views: dict[int, View] = {}
        self._drawing = Lock()

    @cached_property
    def cameras(self) -> list[Camera]:
        """One camera per view."""
        return self._study.place_cameras(self._count)

    @cached_property
    def _pending(self) -> Iterator[Rendering]:
        return render(self._study.surface, self.cameras, self._study.backend)

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
