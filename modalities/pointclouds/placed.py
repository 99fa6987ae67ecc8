"""A cloud in its own frame: which of its points are inspected, its centre and size, and the surface that is drawn."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.core.study import BoolArray, FloatArray
from looktwice.modalities.pointclouds.cleaning import find_far_strays
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.sampling import sample_faces
from looktwice.modalities.rendering.chunks import bounds
from looktwice.modalities.rendering.frame import PrincipalFrame, principal_frame
from looktwice.modalities.rendering.renderer import Surface
from looktwice.modalities.rendering.spacing import local_spacing

# Enough to close a mesh's surface at `views.VIEW_SIZE` with one-pixel splats.
_MESH_SAMPLES = 150_000
_FEWEST_POINTS = 4


class PlacedCloud:
    """A cloud or a mesh around its own centre, in units of its own radius.

    Attributes
    ----------
    cloud : Cloud
        What the file holds.
    source : Path
    unit : str or None
    notes : list of str
    centre : float64, shape (3,)
        Middle of the object's box, in the file's coordinates.
    radius : float
        Half the box's diagonal, in the file's unit.
    normalised : float32, shape (P, 3)
        The file's points around `centre`, divided by `radius`; NaN where not measured.
    drawn : bool, shape (P,)
        The points that are inspected: measured, and not left out. The others keep their place and score 0.

    Raises
    ------
    InputError
        Fewer than four points are measured, or all lie in one place.

    Examples
    --------
    >>> corners = np.array(np.meshgrid((10.0, 14.0), (0.0, 2.0), (0.0, 4.0))).reshape(3, -1).T
    >>> placed = PlacedCloud(Cloud(corners), Path("box.ply"), unit="mm")
    >>> placed.centre, placed.radius
    (array([12.,  1.,  2.]), 3.0)
    >>> placed.leave_out("stray points", lambda points: points[:, 0] > 0.6)
    >>> placed.notes
    ['4 stray points are not in the views; they are kept in the output, with score 0']
    """

    def __init__(self, cloud: Cloud, source: Path, unit: str | None = None) -> None:
        self.cloud = cloud
        self.source = source
        self.unit = unit or cloud.unit
        self.notes: list[str] = [*cloud.notes]
        self.drawn: BoolArray = cloud.valid
        self._check_count()
        self._place()
        if cloud.faces is None:
            far = find_far_strays(self.normalised[self.drawn])
            if far.any():
                self._drop(far, "stray points far from everything else")

    def _place(self) -> None:
        """Measure the box of the inspected points: one that is not inspected must not set the size of the object."""
        low, high = (edge.astype(np.float64) for edge in _box(self.cloud.points, self.drawn))
        self.centre = low / 2 + high / 2
        self.radius = float(np.linalg.norm(high / 2 - low / 2))
        if not self.radius > 0:
            raise InputError(f"{self.source}: all points have the same position; there is nothing to inspect")
        self.normalised = _normalise(self.cloud.points, self.centre, self.radius)
        self.normalised[~self.drawn] = np.nan

    def _check_count(self) -> None:
        measured, total = int(self.drawn.sum()), len(self.drawn)
        if measured < _FEWEST_POINTS:
            raise InputError(
                f"{self.source}: only {measured} of {total} points are usable; at least {_FEWEST_POINTS} are needed"
            )
        if measured < total:
            self.notes.append(f"{total - measured} of {total} points have no measurement; they are kept, with score 0")

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
            self.notes.append(f"{what} are removed from clouds only; this is a mesh")
            return
        found = find(self.normalised[self.drawn])
        if len(found) - found.sum() < _FEWEST_POINTS:
            found = np.zeros_like(found)
        self._drop(found, what)

    def _drop(self, found: BoolArray, what: str) -> None:
        """Inspect some of the inspected points no longer, and measure the rest anew."""
        self.drawn[np.flatnonzero(self.drawn)[found]] = False
        if found.any():
            self._place()
        self.notes.append(f"{int(found.sum())} {what} are not in the views; they are kept in the output, with score 0")

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
    def frame(self) -> PrincipalFrame:
        """The object's principal axes."""
        return principal_frame(self.surface.points, self.surface.spacing)


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
