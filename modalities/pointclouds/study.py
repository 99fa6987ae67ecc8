"""A point cloud or mesh as a `Study`: rendered views out, one score per input point back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from looktwice.errors import InputError, UsageError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.lifting import lift_to_points
from looktwice.modalities.pointclouds.pointmap import PointMap
from looktwice.modalities.pointclouds.reading import read_cloud
from looktwice.modalities.rendering.backends import BACKENDS
from looktwice.modalities.rendering.cameras import MAX_VIEWS, Camera, place_cameras
from looktwice.modalities.rendering.frame import principal_frame
from looktwice.modalities.rendering.renderer import Rendering, Surface, render
from looktwice.modalities.rendering.spacing import local_spacing
from looktwice.modalities.study import FloatArray, Modality, Study, View

# Pixels on a side of a view.
VIEW_SIZE = 336
UNITS = ("mm", "m", "inch")
# Enough to close a mesh's surface at `VIEW_SIZE` with one-pixel splats.
_MESH_SAMPLES = 150_000
_FEWEST_POINTS = 4


def open_pointcloud(path: Path, *, backend: str = "open3d", views: int = 9, unit: str | None = None) -> CloudStudy:
    """Open a point cloud or a mesh.

    Parameters
    ----------
    path : Path
        PLY, PCD, XYZ, PTS, STL, OBJ, OFF, glTF/GLB, or an organised XYZ TIFF as in MVTec 3D-AD.
    backend : {"open3d", "pytorch3d", "numpy"}
        What projects the points; the pictures are the same.
    views : int
        1 to 26.
    unit : {"mm", "m", "inch"}, optional
        Of the coordinates, where the file does not say.

    Raises
    ------
    InputError
        If the file cannot be read, or has fewer than four distinct measured points.
    UsageError
        If `backend`, `views` or `unit` is not one of those above.
    """
    if backend not in BACKENDS:
        raise UsageError(f"unknown rendering back end {backend!r}: choose one of {', '.join(BACKENDS)}")
    if not 1 <= views <= MAX_VIEWS:
        raise UsageError(f"{views} views asked for: choose 1 to {MAX_VIEWS}")
    if unit is not None and unit not in UNITS:
        raise UsageError(f"unknown unit {unit!r}: choose one of {', '.join(UNITS)}")
    return CloudStudy(read_cloud(Path(path)), Path(path), backend=backend, views=views, unit=unit)


class CloudStudy(Study):
    """A cloud or a mesh under inspection.

    Attributes
    ----------
    cloud : Cloud
        What the file holds.
    unit : str or None
    centre : float64, shape (3,)
        Middle of the object's box, in the file's coordinates.
    radius : float
        Half the box's diagonal, in the file's unit.
    normalised : float32, shape (P, 3)
        The file's points around `centre`, divided by `radius`; NaN where not measured.
    """

    modality = Modality.POINTCLOUD

    def __init__(
        self, cloud: Cloud, source: Path, *, backend: str = "open3d", views: int = 9, unit: str | None = None
    ) -> None:
        self.cloud = cloud
        self.source = source
        self.name = source.stem
        self.unit = unit or cloud.unit
        self.backend = backend
        self.notes = []
        self._valid = cloud.valid
        self._check()
        # One contiguous row per axis: several times as fast to reduce as three interleaved columns.
        columns = np.ascontiguousarray((cloud.points if self._valid.all() else cloud.points[self._valid]).T)
        low, high = columns.min(axis=1).astype(np.float64), columns.max(axis=1).astype(np.float64)
        self.centre = low / 2 + high / 2
        self.radius = float(np.linalg.norm(high / 2 - low / 2))
        if not self.radius > 0:
            raise InputError(f"{source}: all points lie in one place: nothing can be inspected")
        self.normalised = _normalise(cloud.points, self.centre, self.radius)
        self.normalised[~self._valid] = np.nan
        self._views = _CloudViews(self, views)

    def _check(self) -> None:
        measured = int(self._valid.sum())
        if measured < _FEWEST_POINTS:
            raise InputError(
                f"{self.source}: {measured} usable points of {len(self._valid)}: at least {_FEWEST_POINTS} are needed"
            )
        if measured < len(self._valid):
            self.notes.append(
                f"{len(self._valid) - measured} of {len(self._valid)} points are not measured: kept, with score 0"
            )

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Which points are measured, shape (P,)."""
        return self._valid

    @cached_property
    def surface(self) -> Surface:
        """What is drawn: the measured points, or samples of a mesh's faces."""
        from looktwice.modalities.pointclouds.sampling import sample_faces

        points, colours = self.normalised[self._valid], self.cloud.colours
        if colours is not None:
            colours = colours[self._valid]
        if self.cloud.faces is not None:
            sampled = sample_faces(self.normalised, self.cloud.faces, _MESH_SAMPLES, self.cloud.colours)
            if sampled is not None:
                points, colours = sampled
        return Surface(points, local_spacing(points), colours)

    @cached_property
    def cameras(self) -> list[Camera]:
        """One camera per view."""
        points = self.surface.points
        return place_cameras(points, principal_frame(points), len(self._views), VIEW_SIZE)

    def views(self) -> Sequence[View]:
        """Return the rendered views; each is drawn when it is first asked for."""
        return self._views

    def rendering(self, index: int) -> Rendering:
        """Return what was computed for one view: index map, depth, normals and curvature."""
        return self._views.rendering(index)

    def lift(self, maps: npt.NDArray[np.floating[Any]]) -> PointMap:
        """Bring one map per view back to one score per input point.

        Parameters
        ----------
        maps : float, shape (V, h, w)

        Returns
        -------
        PointMap
            ``values`` in the file's order; see `lifting.lift_to_points`.
        """
        renderings = [self.rendering(index) for index in range(len(self._views))]
        lifted = lift_to_points(self.normalised, self._valid, renderings, np.asarray(maps, np.float32))
        return PointMap(self, *lifted)


def _normalise(points: npt.NDArray[np.floating], centre: npt.NDArray[np.float64], radius: float) -> FloatArray:
    """Return the points around `centre` in units of `radius`; differences are taken before precision is dropped."""
    with np.errstate(over="ignore", invalid="ignore"):
        centred = points - centre.astype(points.dtype)
        centred /= points.dtype.type(radius)
    return centred.astype(np.float32, copy=False)


class _CloudViews(Sequence[View]):
    """The views of a cloud; what `lift` needs of each is kept, the pictures are not."""

    def __init__(self, study: CloudStudy, count: int) -> None:
        self._study = study
        self._count = count
        self._done: list[Rendering] = []
        self._pending: Iterator[Rendering] | None = None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> View: ...
    @overload
    def __getitem__(self, index: slice) -> list[View]: ...
    def __getitem__(self, index: int | slice) -> View | list[View]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(self._count))]
        position = range(self._count)[index]
        rendering = self.rendering(position)
        return View(rendering.picture(), f"view {position + 1} {rendering.camera.name}", position)

    def rendering(self, index: int) -> Rendering:
        if self._pending is None:
            self._pending = render(self._study.surface, self._study.cameras, self._study.backend)
        while len(self._done) <= index:
            self._done.append(next(self._pending))
        return self._done[index]


__all__ = ["UNITS", "VIEW_SIZE", "CloudStudy", "FloatArray", "open_pointcloud"]
