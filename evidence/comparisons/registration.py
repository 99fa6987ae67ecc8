"""Laying one cloud over another, and how far each of its places then lies from the other's surface."""

# kinds: lays clouds over each other

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from looktwice.core.study import FloatArray
from looktwice.modalities.pointclouds.study import CloudStudy

if TYPE_CHECKING:
    import open3d as o3d

Matrix = npt.NDArray[np.float64]

# How far apart partners may lie, in element sides, from coarse to fine, and iterations at each.
_REACHES = (12.0, 4.0, 1.5)
_ITERATIONS = 25
# Three quarters of a cloud that was laid over another lie closer to it than this, in element sides.
_TRIM, _LAID = 0.75, 1.0
# The mean distance, of which none counts as more than the first, tells the best pose; below the second, no other pose
# is tried.
_FAR_OFF, _WELL = 3.0, 0.04
# Planes of the nearest elements that a place is held against: at an edge, one of its faces fits.
_PLANES = 6
# An element lies this far from its neighbours sideways without being off, in element sides.
_INTERLACED = 1.5


@dataclass(frozen=True, eq=False)
class PlacedElements:
    """The elements of a cloud where they lie in its file's coordinates.

    Attributes
    ----------
    centre : float64, shape (3,)
    points : float32, shape (M, 3)
        Around `centre`, in the file's unit.
    normals : float32, shape (M, 3)
    axes : float32, shape (3, 3)
        Rows are the object's principal axes.
    side : float
        Distance between neighbours, in the file's unit.
    one_sided : bool
        Whether only one side of the object was seen.

    Examples
    --------
    >>> from pathlib import Path
    >>> from looktwice.modalities.pointclouds.cloud import Cloud
    >>> points = np.random.default_rng(0).normal(size=(3000, 3))
    >>> points *= 5 / np.linalg.norm(points, axis=1, keepdims=True)
    >>> ball = PlacedElements.of(CloudStudy(Cloud(points + 100), Path("ball.ply")))
    >>> ball.centre.round(), ball.one_sided
    (array([100., 100., 100.]), False)
    """

    centre: Matrix
    points: FloatArray
    normals: FloatArray
    axes: FloatArray
    side: float
    one_sided: bool

    @staticmethod
    def of(study: CloudStudy) -> PlacedElements:
        """Return the elements of a cloud."""
        surfels, radius = study.shape[0], study.radius
        points = (surfels.points * radius).astype(np.float32)
        one_sided = surfels.toward is not None
        return PlacedElements(study.centre, points, surfels.normals, study.frame.axes, surfels.side * radius, one_sided)

    @property
    def size(self) -> float:
        """Root mean square distance of the elements from their middle, which no pose changes."""
        return float(np.sqrt(((self.points - self.points.mean(axis=0)) ** 2).sum(axis=1).mean()))

    def scaled(self, factor: float) -> PlacedElements:
        """Return the elements of an object so many times as large, around the same centre."""
        return replace(self, points=(self.points * factor).astype(np.float32), side=self.side * factor)


def distance_over(one: PlacedElements, other: PlacedElements) -> FloatArray | None:
    """Return how far each element (M,) lies from the surface of another cloud, in element sides of that.

    The first cloud is laid over the other by point-to-plane ICP with Tukey's weights (Chen and Medioni 1992), which a
    defect does not pull at: from where both lie, then from their principal axes laid upon each other. None where
    nothing fits. If it fits nowhere at its own size, a whole cloud is first brought to the size of the other: the
    files may be in different units.
    """
    best = _laid(one, other)
    if best is None and not one.one_sided and not other.one_sided:
        best = _laid(one.scaled(other.size / one.size), other)
    return best


def _laid(one: PlacedElements, other: PlacedElements) -> FloatArray | None:
    best, least = None, np.inf
    for start in _starts(one, other):
        distance = _measured(one, other, _refined(one, other, start))
        # A symmetric part but for one feature fits in wrong poses too, all but that feature: all of it counts.
        misfit = float(np.minimum(distance, _FAR_OFF).mean())
        if misfit < least and np.quantile(distance, _TRIM) < _LAID:
            best, least = distance, misfit
        if least < _WELL:
            break
    return best


def _starts(one: PlacedElements, other: PlacedElements) -> list[Matrix]:
    """Return the poses to begin at, each 4 x 4, from coordinates around one centre to those around the other."""
    here, turns = np.eye(4), [np.diag(signs) for signs in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))]
    here[:3, 3] = one.centre - other.centre
    poses = [here]
    for turn in turns:
        pose = np.eye(4)
        pose[:3, :3] = other.axes.T.astype(np.float64) @ turn @ one.axes.astype(np.float64)
        pose[:3, 3] = other.points.mean(axis=0) - pose[:3, :3] @ one.points.mean(axis=0)
        poses.append(pose)
    return poses


def _refined(one: PlacedElements, other: PlacedElements, pose: Matrix) -> Matrix:
    import open3d as o3d

    registration = o3d.pipelines.registration
    source, target = _cloud(one), _cloud(other)
    for reach in _REACHES:
        limit = reach * other.side
        estimate = registration.TransformationEstimationPointToPlane(registration.TukeyLoss(k=limit / 2))
        criteria = registration.ICPConvergenceCriteria(max_iteration=_ITERATIONS)
        pose = registration.registration_icp(source, target, limit, pose, estimate, criteria).transformation
    return np.asarray(pose, np.float64)


def _cloud(placed: PlacedElements) -> o3d.geometry.PointCloud:
    import open3d as o3d

    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(placed.points.astype(np.float64)))
    cloud.normals = o3d.utility.Vector3dVector(placed.normals.astype(np.float64))
    return cloud


def _measured(one: PlacedElements, other: PlacedElements, pose: Matrix) -> FloatArray:
    moved = one.points @ pose[:3, :3].T + pose[:3, 3]
    near, partner = cKDTree(other.points).query(moved, k=min(_PLANES, len(other.points)))
    offset = moved[:, None] - other.points[partner]
    along = np.abs(np.einsum("mkj,mkj->mk", offset, other.normals[partner])).min(axis=1)
    beside = np.maximum(near[:, 0] - _INTERLACED * other.side, 0)
    return np.asarray(np.hypot(along, beside) / other.side, np.float32)
