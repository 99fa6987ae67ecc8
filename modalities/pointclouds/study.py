"""A point cloud or mesh as a `Study`: rendered views out, one score per input point back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError, UsageError
from looktwice.core.study import BoolArray, FloatArray, Modality, Study, View
from looktwice.modalities.pointclouds.cleaning import find_outliers, find_support_plane
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.lifting import lift_to_points
from looktwice.modalities.pointclouds.pointmap import PointMap
from looktwice.modalities.pointclouds.reading import read_cloud
from looktwice.modalities.pointclouds.sampling import sample_faces
from looktwice.modalities.pointclouds.views import CloudViews
from looktwice.modalities.rendering.backends import BACKENDS
from looktwice.modalities.rendering.cameras import Camera, place_cameras
from looktwice.modalities.rendering.chunks import bounds
from looktwice.modalities.rendering.coverage import MAX_VIEWS
from looktwice.modalities.rendering.frame import PrincipalFrame, principal_frame
from looktwice.modalities.rendering.renderer import Rendering, Surface
from looktwice.modalities.rendering.spacing import local_spacing

if TYPE_CHECKING:
    from looktwice.modalities.pointclouds.neighbourhoods import Features
    from looktwice.modalities.pointclouds.surfels import Surfels

# Pixels on a side of a view.
VIEW_SIZE = 336
UNITS = ("mm", "m", "inch")
# Enough to close a mesh's surface at `VIEW_SIZE` with one-pixel splats.
_MESH_SAMPLES = 150_000
_FEWEST_POINTS = 4


def open_pointcloud(
    path: Path,
    *,
    backend: str = "numpy",
    views: int | None = 9,
    unit: str | None = None,
    remove_outliers: bool = False,
    remove_plane: bool = False,
) -> CloudStudy:
    """Open a point cloud or a mesh.

    Parameters
    ----------
    path : Path
        PLY, PCD, XYZ, PTS, STL, OBJ, OFF, glTF/GLB, an organised XYZ TIFF as in MVTec 3D-AD, or, with the extra
        ``looktwice[scan]``, LAS/LAZ and E57.
    backend : {"numpy", "open3d", "pytorch3d"}
        What projects the points; the pictures are the same.
    views : int or None
        1 to 26; None for as many as it takes to see every visible part twice.
    unit : {"mm", "m", "inch"}, optional
        Of the coordinates, where the file does not say.
    remove_outliers, remove_plane : bool
        Leave stray points, or the plane that the object stands on, out of the views. They stay in the output, with
        score 0.

    Raises
    ------
    InputError
        If the file cannot be read, or has fewer than four distinct measured points.
    UsageError
        If `backend`, `views` or `unit` is not one of those above.
    """
    if backend not in BACKENDS:
        raise UsageError(f"unknown rendering back end {backend!r}: choose one of {', '.join(BACKENDS)}")
    if views is not None and not 1 <= views <= MAX_VIEWS:
        raise UsageError(f"{views} views asked for: choose 1 to {MAX_VIEWS}")
    if unit is not None and unit not in UNITS:
        raise UsageError(f"unknown unit {unit!r}: choose one of {', '.join(UNITS)}")
    study = CloudStudy(read_cloud(Path(path)), Path(path), backend=backend, views=views, unit=unit)
    if remove_outliers:
        study.leave_out("stray points", find_outliers)
    if remove_plane:
        study.leave_out("points of the plane beneath", find_support_plane)
    return study


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
    drawn : bool, shape (P,)
        The points that are inspected: measured, and not left out. The others keep their place and score 0.
    """

    modality = Modality.POINTCLOUD

    def __init__(
        self,
        cloud: Cloud,
        source: Path,
        *,
        backend: str = "numpy",
        views: int | None = 9,
        unit: str | None = None,
    ) -> None:
        self.cloud = cloud
        self.source = source
        self.name = source.stem
        self.unit = unit or cloud.unit
        self.backend = backend
        self.notes = []
        self.drawn: BoolArray = cloud.valid
        self._check_count()
        low, high = (edge.astype(np.float64) for edge in _box(cloud.points, self.drawn))
        self.centre = low / 2 + high / 2
        self.radius = float(np.linalg.norm(high / 2 - low / 2))
        if not self.radius > 0:
            raise InputError(f"{source}: all points lie in one place: nothing can be inspected")
        self.normalised = _normalise(cloud.points, self.centre, self.radius)
        self.normalised[~self.drawn] = np.nan
        self._views = CloudViews(self, views)

    def _check_count(self) -> None:
        measured, total = int(self.drawn.sum()), len(self.drawn)
        if measured < _FEWEST_POINTS:
            raise InputError(
                f"{self.source}: {measured} usable points of {total}: at least {_FEWEST_POINTS} are needed"
            )
        if measured < total:
            self.notes.append(f"{total - measured} of {total} points are not measured: kept, with score 0")

    def leave_out(self, what: str, find: Any) -> None:
        """Leave points out of the views, before any is drawn; a mesh is left as it is.

        Parameters
        ----------
        what : str
            Names them in the notes.
        find : callable
            From points, float32 of shape (P, 3), to bool of shape (P,): those to leave out.
        """
        if self.cloud.faces is not None:
            self.notes.append(f"{what} are looked for in clouds only, this is a mesh")
            return
        inspected = np.flatnonzero(self.drawn)
        found = find(self.normalised[inspected])
        if len(inspected) - found.sum() < _FEWEST_POINTS:
            found = np.zeros_like(found)
        self.drawn[inspected[found]] = False
        self.normalised[inspected[found]] = np.nan
        self.notes.append(f"{int(found.sum())} {what} left out of the views: kept in the output, with score 0")

    @cached_property
    def surface(self) -> Surface:
        """What is drawn: the inspected points, or samples of a mesh's faces."""
        faces, colours = self.cloud.faces, self.cloud.colours
        sampled = None if faces is None else sample_faces(self.normalised, faces, _MESH_SAMPLES, colours)
        if sampled is not None:
            points, colours = sampled
        elif self.drawn.all():
            points = self.normalised
        else:
            points, colours = self.normalised[self.drawn], None if colours is None else colours[self.drawn]
        return Surface(points, local_spacing(points), colours)

    def on_surface(self, values: FloatArray) -> FloatArray:
        """Return values of the file's points, shape (P,), at the points of `surface`."""
        drawn = values[self.drawn]
        if self.cloud.faces is None or len(drawn) == len(self.surface.points):
            return drawn
        from scipy.spatial import cKDTree

        nearest: FloatArray = drawn[cKDTree(self.normalised[self.drawn]).query(self.surface.points)[1]]
        return nearest

    @cached_property
    def shape(self) -> tuple[Surfels, Features]:
        """The surface in even elements, and what is known of each (`shape_features.shape_features`)."""
        from looktwice.modalities.pointclouds.shape_features import shape_features

        return shape_features(self)

    @cached_property
    def frame(self) -> PrincipalFrame:
        """The object's principal axes."""
        return principal_frame(self.surface.points, self.surface.spacing)

    def place_cameras(self, views: int | None) -> list[Camera]:
        """Return `views` cameras around the object, or as many as it takes to see every visible part twice."""
        return place_cameras(self.surface.points, self.frame, views, VIEW_SIZE)

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
        return PointMap(self, *lift_to_points(self.normalised, self.drawn, renderings, np.asarray(maps, np.float32)))


def _box(points: npt.NDArray[np.floating], use: BoolArray) -> tuple[npt.NDArray[np.floating], ...]:
    """Return the box around the points in use, in the precision of the file."""
    if points.dtype == np.float32:
        return bounds(points if use.all() else points[use])
    return points[use].min(axis=0), points[use].max(axis=0)


def _normalise(points: npt.NDArray[np.floating], centre: npt.NDArray[np.float64], radius: float) -> FloatArray:
    """Return the points around `centre` in units of `radius`; differences are taken before precision is dropped."""
    with np.errstate(over="ignore", invalid="ignore"):
        centred = points - centre.astype(points.dtype)
        centred /= points.dtype.type(radius)
    return centred.astype(np.float32, copy=False)
