"""Measurements of one region of a voxel map."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from looktwice.core.study import BoolArray, Region
from looktwice.modalities.volumes.anatomy import Anatomy
from looktwice.modalities.volumes.components import Component
from looktwice.modalities.volumes.foreground import Foreground
from looktwice.modalities.volumes.scan import Scan
from looktwice.modalities.volumes.voxels import Box, ReadByBox

RING_MM = (2.0, 8.0)
"""The ring that a region's intensity is compared to: from so far outside it to so far."""

LARGEST_BOX = 500_000
"""Voxels looked at around one region; a larger one is measured on every n-th voxel."""


def measure(
    component: Component, scores: ReadByBox, scan: Scan, mask: Foreground, anatomy: Anatomy, threshold: float
) -> Region:
    """Return a component as a region.

    Parameters
    ----------
    component : Component
    scores : read by box
        The map that it is a part of.
    scan : Scan
        On the same grid.
    mask : Foreground
    anatomy : Anatomy
    threshold : float
        At or above which the component lies.

    ``details`` holds ``diameter_mm`` (between the two voxel centres that are farthest apart), ``mean_inside`` and
    ``mean_ring`` (in the scan's own unit; HU for CT; None where no ring is left), ``peak`` (the voxel with the highest
    score), ``threshold`` (the score that the region was cut at), ``laterality``, ``position`` and, for heads that
    could be aligned, ``centroid_mni_mm``. Of a scan that does not say how large its voxels are, nothing is measured in
    millimetres, and the size is in voxels.
    """
    affine = scan.affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    box, step = _box_around(component, scan.voxels.shape, spacing)
    inside, above = _own_voxels(component, scores, box, threshold)
    world = affine[:3, :3] @ component.centroid + affine[:3, 3]
    intensities = scan.voxels[box]
    ring = _ring(inside, spacing * step) & ~above & mask[box]
    i, j, k = (float(value) for value in component.centroid)
    mni = anatomy.mni(world)
    return Region(
        score=component.score,
        size=component.voxels * (float(abs(np.linalg.det(affine[:3, :3]))) if scan.measured else 1.0),
        size_unit="volume_mm3" if scan.measured else "voxels",
        centroid=(i, j, k),
        bbox=tuple(int(value) for value in (*component.low, *component.high)),
        centroid_world_mm=tuple(float(value) for value in world) if scan.measured else None,
        details={
            **({"diameter_mm": _diameter(np.argwhere(inside) * step, affine[:3, :3])} if scan.measured else {}),
            "mean_inside": float(intensities[inside].mean()),
            "mean_ring": float(intensities[ring].mean()) if ring.any() else None,
            "peak": [int(index) for index in component.peak],
            "threshold": threshold,
            "laterality": anatomy.laterality(world),
            "position": anatomy.position(world),
            **({} if mni is None else {"centroid_mni_mm": [round(float(value), 1) for value in mni]}),
        },
    )


def _box_around(component: Component, shape: tuple[int, int, int], spacing: npt.NDArray[np.float64]) -> tuple[Box, int]:
    """Return the component's box with room for the ring, and its step: the peak is always on the grid."""
    margin = np.ceil(RING_MM[1] / spacing).astype(int)
    low = np.maximum(component.low - margin, 0)
    high = np.minimum(component.high + margin, shape)
    step = max(1, int(np.ceil((float(np.prod(high - low)) / LARGEST_BOX) ** (1 / 3))))
    low = low + (np.array(component.peak) - low) % step
    i, j, k = (slice(int(a), int(b), step) for a, b in zip(low, high, strict=True))
    return (i, j, k), step


def _own_voxels(component: Component, scores: ReadByBox, box: Box, threshold: float) -> tuple[BoolArray, BoolArray]:
    """Return the component's voxels within `box`, and all that reach the threshold there."""
    above = scores[box] >= threshold
    labels, _ = ndimage.label(above)
    at = tuple((peak - side.start) // side.step for peak, side in zip(component.peak, box, strict=True))
    return labels == labels[at], above


def _ring(inside: BoolArray, spacing: npt.NDArray[np.float64]) -> BoolArray:
    distance = ndimage.distance_transform_edt(~inside, sampling=spacing)
    return cast("BoolArray", (distance > RING_MM[0]) & (distance <= RING_MM[1]))


def _diameter(voxels: npt.NDArray[np.int64], to_mm: npt.NDArray[np.float64]) -> float:
    """Return the largest distance between two voxel centres; the corners of the convex hull are enough."""
    points = voxels @ to_mm.T
    try:
        points = points[ConvexHull(points).vertices]
    except QhullError:  # fewer than four points, or all in one plane
        points = points[np.unique(np.concatenate([points.argmin(axis=0), points.argmax(axis=0)]))]
    return float(pdist(points).max()) if len(points) > 1 else 0.0
