"""What the geometry alone says, without rendering: how rare each place's shape is on its own object.

Every surface element is described by its Fast Point Feature Histogram (Rusu et al. 2009), which is independent of
pose, and by how far it lies from the middle of its neighbourhood at several scales, which is large at edges of holes
and breaks. An element's evidence is the distance of its description to the most similar one elsewhere on the object:
the left horn is excused by the right one, a dent by nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from looktwice.modalities.pointclouds.surfels import SCALES, Surfels, surface_elements

if TYPE_CHECKING:
    from looktwice.modalities.pointclouds.study import CloudStudy

FloatArray = npt.NDArray[np.float32]

_ELEMENTS = 4000
# In units of the object's radius: the reach of a histogram, and how near counts as "the same place".
_REACH = 0.25
_SAME_PLACE = 0.2
_NEIGHBOURS = 100
# A histogram's three parts sum to 100 each; the weights bring both descriptions to the same order.
_HISTOGRAM_WEIGHT = 1 / 60
_OFFSET_WEIGHT = 5.0
# Rows of the matrix of distances that are held at once.
_ROWS = 512


def geometry_evidence(study: CloudStudy) -> FloatArray:
    """Return how rare the shape around each point is on its own object.

    Parameters
    ----------
    study : CloudStudy

    Returns
    -------
    float32, shape (P,)
        Raw and not calibrated: 0 for shapes found elsewhere too, usually below 2; 0 for points that are not inspected.
    """
    surfels = surface_elements(study, _ELEMENTS)
    rarity = _rarity(surfels.points, _describe(surfels))
    smooth = rarity[surfels.neighbours[:, : SCALES[0] - 4]].mean(axis=1)
    evidence = np.zeros(len(study.normalised), np.float32)
    if study.cloud.faces is None:
        evidence[study.drawn] = smooth[surfels.owner]
    else:
        evidence[study.drawn] = smooth[cKDTree(surfels.points).query(study.normalised[study.drawn])[1]]
    return evidence


def _describe(surfels: Surfels) -> FloatArray:
    """Return the descriptions, shape (M, 33 + scales)."""
    import open3d as o3d

    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(surfels.points.astype(np.float64)))
    cloud.normals = o3d.utility.Vector3dVector(surfels.normals.astype(np.float64))
    search = o3d.geometry.KDTreeSearchParamHybrid(_REACH, _NEIGHBOURS)
    histogram = o3d.pipelines.registration.compute_fpfh_feature(cloud, search).data.T  # type: ignore[call-arg]
    offsets = [_offset(surfels, count) for count in SCALES]
    parts = [_HISTOGRAM_WEIGHT * np.asarray(histogram), _OFFSET_WEIGHT * np.stack(offsets, axis=1)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _offset(surfels: Surfels, count: int) -> FloatArray:
    """Return how far, along the surface, elements lie from the middle of their `count` nearest, as a share of reach."""
    reach = surfels.side * np.sqrt(count / np.pi)
    offset = surfels.points[surfels.neighbours[:, :count]].mean(axis=1) - surfels.points
    offset -= (offset * surfels.normals).sum(axis=1, keepdims=True) * surfels.normals
    length: FloatArray = np.linalg.norm(offset, axis=1) / reach
    return length


def _rarity(points: FloatArray, descriptions: FloatArray) -> FloatArray:
    """Return the distance from each description to the nearest of those in other places, shape (M,)."""
    rarity = np.zeros(len(points), np.float32)
    for start in range(0, len(points), _ROWS):
        part = slice(start, start + _ROWS)
        distance = _squared_distances(descriptions[part], descriptions)
        distance[_squared_distances(points[part], points) < _SAME_PLACE**2] = np.inf
        rarity[part] = distance.min(axis=1)
    # An object smaller than one place has nothing to be compared with.
    rarity[~np.isfinite(rarity)] = 0
    return np.sqrt(np.maximum(rarity, 0))


def _squared_distances(first: FloatArray, second: FloatArray) -> FloatArray:
    distance: FloatArray = -2 * (first @ second.T)
    distance += (first * first).sum(axis=1)[:, None]
    distance += (second * second).sum(axis=1)
    return distance
