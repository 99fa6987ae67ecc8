"""Shapes of lesions: made by rule, or real ones moved and turned a little."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from looktwice.datasets.synthesis.noise import perlin
from looktwice.datasets.synthesis.volumes.anatomy import Anatomy, BoolArray, FloatArray, Window, distance_mm


def draw_radius(rng: np.random.Generator, anatomy: Anatomy, smallest_ml: float, largest_ml: float) -> float:
    """Draw the radius in mm of a ball whose volume is log-uniform between two volumes; at least 1.5 voxels."""
    volume = 1000 * np.exp(rng.uniform(np.log(smallest_ml), np.log(largest_ml)))
    return max(float((3 * volume / (4 * np.pi)) ** (1 / 3)), 1.5 * max(anatomy.spacing))


def draw_centre(rng: np.random.Generator, anatomy: Anatomy, depth_mm: float) -> np.ndarray:
    """Draw a voxel of the tissue, if possible at least `depth_mm` from its surface."""
    deepest = float(np.max(anatomy.depth, where=np.isfinite(anatomy.depth), initial=0))
    inside = np.flatnonzero(anatomy.depth >= min(depth_mm, 0.6 * deepest))
    return np.array(np.unravel_index(int(rng.choice(inside)), anatomy.depth.shape))


def blob(
    rng: np.random.Generator, anatomy: Anatomy, centre: np.ndarray, radius_mm: float, reach_mm: float
) -> tuple[Window, FloatArray]:
    """Return a window around `centre` and the signed depth in it of a lumpy ellipsoid.

    Returns
    -------
    window
    depth : float32
        In mm, positive inside: about the distance to the surface.
    """
    window = anatomy.window(centre, 1.6 * radius_mm + reach_mm)
    offsets = np.stack(
        np.meshgrid(
            *(
                (np.arange(part.start, part.stop) - at) * size
                for part, at, size in zip(window, centre, anatomy.spacing, strict=True)
            ),
            indexing="ij",
        ),
        axis=-1,
    ).astype(np.float32)
    axes = np.exp(rng.uniform(-0.35, 0.35, 3))
    turned = offsets @ Rotation.random(rng=rng).as_matrix().astype(np.float32)
    distance = np.linalg.norm(turned / (axes / np.prod(axes) ** (1 / 3)).astype(np.float32), axis=-1)
    lumps = perlin(rng, distance.shape, max(radius_mm / float(np.mean(anatomy.spacing)), 3.0), 2)
    return window, (radius_mm * (1 + np.float32(rng.uniform(0.1, 0.3)) * lumps) - distance).astype(np.float32)


def real_shape(
    rng: np.random.Generator, anatomy: Anatomy, shape: BoolArray, reach_mm: float
) -> tuple[Window, FloatArray]:
    """Return a window and the signed depth of a real lesion, mirrored, turned, scaled and moved a little.

    Parameters
    ----------
    shape : bool, (I, J, K)
        On the grid of the volume; whatever leaves the tissue is cut off later.
    """
    if rng.random() < 0.5:
        # Left and right change sides about the middle of the tissue.
        middle = float(np.mean(np.flatnonzero(anatomy.tissue.any(axis=(1, 2)))))
        index = np.clip(np.rint(2 * middle - np.arange(shape.shape[0])), 0, shape.shape[0] - 1).astype(int)
        shape = shape[index]
    places = np.argwhere(shape)
    if not len(places):
        raise ValueError("the lesion shape is empty")
    size = np.asarray(anatomy.spacing)
    centre = (places.min(axis=0) + places.max(axis=0)) / 2
    half = float(np.linalg.norm((np.ptp(places, axis=0) + 1) * size) / 2)
    window = anatomy.window(centre, 1.25 * half + reach_mm)
    matrix = Rotation.from_rotvec(np.deg2rad(rng.normal(0, 8, 3))).as_matrix() * rng.uniform(0.8, 1.2)
    # From voxels through millimetres and back.
    matrix = np.diag(1 / size) @ matrix @ np.diag(size)
    start = np.array([part.start for part in window])
    offset = centre - matrix @ (centre + rng.normal(0, 3, 3) / size - start)
    shift = tuple(part.stop - part.start for part in window)
    moved = ndimage.affine_transform(shape.astype(np.float32), matrix, offset, output_shape=shift, order=1) > 0.5
    inner, outer = distance_mm(moved, anatomy.spacing), distance_mm(~moved, anatomy.spacing)
    return window, np.where(moved, inner, -outer).astype(np.float32)
