"""Connected parts of a scored cloud, measured in the file's own unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from looktwice.core.study import BoolArray, FloatArray, Region
from looktwice.modalities.pointclouds.placed import PlacedCloud

_MILLIMETRES = {"mm": 1.0, "m": 1000.0, "inch": 25.4}
# Points belong together when they lie closer than this many times the spacing around them.
_REACH = 3.0


def find_regions(placed: PlacedCloud, values: FloatArray, threshold: float, filled: BoolArray) -> list[Region]:
    """Return the connected components of the points at or above `threshold`, the highest score first.

    Vertices of a mesh are connected by its edges, points of a cloud by lying within a few point spacings.

    Each region's ``details`` hold ``area`` (estimated), ``extents`` (along its own principal axes, the longest first),
    ``distance_to_centre``, ``unit`` (None if unknown; areas are in its square) and ``filled_share``, the part of its
    points that no view saw.
    """
    hot = np.nonzero((values >= threshold) & placed.drawn)[0]
    if not len(hot):
        return []
    area = _area_per_point(placed)
    labels = _label(placed, hot, np.sqrt(area[hot]))
    order = np.argsort(labels, kind="stable")
    groups = np.split(hot[order], np.nonzero(np.diff(labels[order]))[0] + 1)
    groups.sort(key=lambda group: (-float(values[group].max()), -len(group)))
    return [_measure(placed, values, group, area, filled) for group in groups]


def _area_per_point(placed: PlacedCloud) -> FloatArray:
    """Return the area that each point stands for, in units of ``placed.radius`` squared."""
    faces, points = placed.cloud.faces, placed.normalised
    area = np.zeros(len(points), np.float32)
    if faces is None:
        area[placed.drawn] = placed.surface.spacing**2
        return area
    corners = points[faces]
    doubled = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    np.add.at(area, faces.ravel(), np.repeat(np.nan_to_num(doubled) / 6, 3))
    return area


def _label(placed: PlacedCloud, hot: npt.NDArray[np.int64], spacing: FloatArray) -> npt.NDArray[np.int32]:
    position = placed.normalised[hot]
    if placed.cloud.faces is None:
        return _components(len(hot), *_near_pairs(position, _REACH * float(np.median(spacing))))
    # Vertices that coincide (STL has one per corner, others split at texture seams) are one.
    _, welded = np.unique(position, axis=0, return_inverse=True)
    number = np.full(len(placed.normalised), -1)
    number[hot] = welded.ravel()
    ends = number[placed.cloud.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)]
    ends = ends[(ends >= 0).all(axis=1)]
    return _components(int(welded.max()) + 1, ends[:, 0], ends[:, 1])[welded.ravel()]


def _near_pairs(position: FloatArray, reach: float) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    """Return pairs of indices that connect every two points closer than `reach` (and none beyond 3.5 times that).

    Points are joined within cells of side `reach` and cells with their 26 neighbours, so that the cost grows with the
    occupied cells and not with the pairs of points.
    """
    cell = np.floor((position - position.min(axis=0)) / max(reach, 1e-6))
    cells, member = np.unique(cell, axis=0, return_inverse=True)
    member = member.ravel()
    first = np.zeros(len(cells), np.int64)
    first[member[::-1]] = np.arange(len(position))[::-1]
    touching = cKDTree(cells).query_pairs(1.8, output_type="ndarray")
    left = np.concatenate([np.arange(len(position)), first[touching[:, 0]]])
    return left, np.concatenate([first[member], first[touching[:, 1]]])


def _components(count: int, left: npt.NDArray[np.integer], right: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    graph = coo_array((np.ones(len(left), bool), (left, right)), shape=(count, count))
    labels: npt.NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return labels


def _measure(
    placed: PlacedCloud, values: FloatArray, group: npt.NDArray[np.int64], area: FloatArray, filled: BoolArray
) -> Region:
    points = placed.cloud.points[group].astype(np.float64)
    centroid = points.mean(axis=0)
    _, axes = np.linalg.eigh((points - centroid).T @ (points - centroid))
    extents = np.sort(np.ptp((points - centroid) @ axes, axis=0))[::-1]
    details: dict[str, Any] = {
        "area": float(area[group].sum(dtype=np.float64) * placed.radius**2),
        "extents": extents.tolist(),
        "distance_to_centre": float(np.linalg.norm(centroid - placed.centre)),
        "unit": placed.unit,
        "filled_share": float(filled[group].mean()),
    }
    millimetres = None if placed.unit is None else tuple((centroid * _MILLIMETRES[placed.unit]).tolist())
    return Region(
        score=float(values[group].max()),
        size=float(len(group)),
        size_unit="points",
        centroid=tuple(centroid.tolist()),
        bbox=(*points.min(axis=0).tolist(), *points.max(axis=0).tolist()),
        centroid_world_mm=millimetres,
        details=details,
    )
