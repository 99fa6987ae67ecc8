"""Points that belong to the scan but not to the object: strays and the table that it stands on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

_NEIGHBOURS = 16
_DEVIATIONS = 3.0
# Of the object's radius.
_PLANE_THICKNESS = 0.01
# A table holds at least this share of a scan, and has nearly all of the rest on its one side.
_LEAST_SHARE = 0.1
_ONE_SIDE = 0.97
# Far strays: beyond so many times the distance that all but this share of the points keep below; and so many times
# farther from their neighbours than usual, of which a thousandth of the cloud is counted, so that a few strays in one
# place are not each other's company.
_FAR, _MOST_FAR, _ALONE = 1.5, 0.01, 10.0
# Fewer points than this do not tell what is usual.
_FEWEST_JUDGED = 500


def find_outliers(points: FloatArray) -> BoolArray:
    """Tell which points lie much farther from their neighbours than is usual in this cloud (Rusu et al. 2008).

    Parameters
    ----------
    points : float32, shape (P, 3)
        Finite, about unit size.

    Returns
    -------
    bool, shape (P,)
    """
    _, kept = _legacy(points).remove_statistical_outlier(_NEIGHBOURS, _DEVIATIONS)
    outliers = np.ones(len(points), bool)
    outliers[np.asarray(kept, np.int64)] = False
    return outliers


def find_far_strays(points: FloatArray) -> BoolArray:
    """Tell which few points lie far outside of the cloud and by themselves: they would set its size and its axes.

    Parameters
    ----------
    points : float32, shape (P, 3)
        Finite.

    Returns
    -------
    bool, shape (P,)
        All false where more than one point in a hundred lies far off: these are a part of what was scanned.
    """
    strays = np.zeros(len(points), bool)
    if len(points) < _FEWEST_JUDGED:
        return strays
    sample = points[:: max(1, len(points) // 50_000)]
    middle = np.median(sample, axis=0)
    reach = np.quantile(np.linalg.norm(sample - middle, axis=1), 1 - _MOST_FAR)
    outside = np.flatnonzero(np.linalg.norm(points - middle, axis=1) > _FAR * reach)
    if not 0 < len(outside) <= _MOST_FAR * len(points):
        return strays
    count = max(8, len(points) // 1000)
    tree = cKDTree(points)
    usual = np.median(tree.query(points[:: max(1, len(points) // 1000)], k=[count])[0])
    alone = tree.query(points[outside], k=[count])[0][:, 0] > _ALONE * usual
    strays[outside[alone]] = True
    return strays


def find_support_plane(points: FloatArray) -> BoolArray:
    """Tell which points lie on the plane that the object stands on; none if there is no such plane.

    The largest plane by RANSAC counts as a support if the rest of the cloud lies on one side of it.

    Parameters
    ----------
    points : float32, shape (P, 3)
        Finite, about unit size.

    Returns
    -------
    bool, shape (P,)
    """
    import open3d as o3d

    o3d.utility.random.seed(0)
    plane, _ = _legacy(points).segment_plane(_PLANE_THICKNESS, ransac_n=3, num_iterations=500)
    height = points @ np.asarray(plane[:3], np.float32) + np.float32(plane[3])
    on_plane: BoolArray = np.abs(height) <= _PLANE_THICKNESS
    rest = height[~on_plane]
    one_sided = len(rest) and max((rest > 0).mean(), (rest < 0).mean()) >= _ONE_SIDE
    return on_plane if one_sided and on_plane.mean() >= _LEAST_SHARE else np.zeros(len(points), bool)


def _legacy(points: FloatArray):  # type: ignore[no-untyped-def]  # Open3D is imported late
    import open3d as o3d

    return o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points.astype(np.float64)))
