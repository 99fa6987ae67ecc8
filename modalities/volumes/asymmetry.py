"""Asymmetry maps: how much each place of a head differs from its mirror image across the mid-sagittal plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, optimize

from looktwice.core.statistics import MAD_TO_SD
from looktwice.core.study import BoolArray, FloatArray
from looktwice.modalities.volumes.slices import SliceStack
from looktwice.modalities.volumes.study import VolumeStudy

BLUR_MM = 2.5
"""Folds of the two sides never match; what is finer than this is not compared."""

FIT_STRIDE = 2
"""The fit reads every second sample, and compares at every second one of these."""

TILT_ARM_MM = 100.0
"""Tilts are sought as millimetres at this distance from the middle, so that all unknowns are of one size."""

FIRST_STEP_MM = 6.0

BINS = 64

LEAST_SPREAD = 0.02
"""Of the head's range of values; no head is more alike on both sides."""

HALF_WAY = 4.0
"""Robust standard deviations of the difference at which a map is at one half."""


@dataclass(frozen=True)
class Head:
    """A coarse head with axes x, y, z towards right, front and up.

    Attributes
    ----------
    values : float32, shape (X, Y, Z)
        Blurred; 0 outside.
    mask : bool, shape (X, Y, Z)
    spacing : float64, shape (3,)
        Millimetres a sample.

    Examples
    --------
    >>> right = np.indices((40, 40, 40)) - np.array([22, 20, 20]).reshape(3, 1, 1, 1)
    >>> inside = (right**2).sum(axis=0) < 15**2
    >>> head = Head(ndimage.gaussian_filter(inside.astype(np.float32), 2), inside, np.full(3, 4.0))
    >>> round(find_mirror_plane(head).at / 4)  # the sample that the plane goes through
    22
    """

    values: FloatArray
    mask: BoolArray
    spacing: npt.NDArray[np.float64]


@dataclass(frozen=True)
class MirrorPlane:
    """The plane x = at + y * by_y + z * by_z, in millimetres from the first sample of a head.

    Examples
    --------
    >>> values = np.zeros((9, 3, 3), np.float32)
    >>> values[1] = 1
    >>> head = Head(values, values > 0, np.ones(3))
    >>> image = mirrored(head, MirrorPlane(at=4.0, by_y=0.0, by_z=0.0))
    >>> np.flatnonzero(image[:, 1, 1])  # 3 mm to the left of the plane becomes 3 mm to the right
    array([7])
    """

    at: float
    by_y: float
    by_z: float


def midsagittal_asymmetry(study: VolumeStudy, grid: tuple[int, int] = (28, 28)) -> FloatArray:
    """Return maps of asymmetry, one a view, for heads.

    The plane is the one across which the head resembles its mirror image best. Of a place and its mirror image, the
    one whose value is the rarer in the head counts for more.

    Parameters
    ----------
    grid : (int, int)
        Rows and columns of each map; it covers the full extent of the view.

    Returns
    -------
    float32, shape (V, rows, columns)
        In [0, 1]: one half where the difference is `HALF_WAY` times its robust spread in the head.
    """
    head = coarse_head(study)
    return asymmetry_across(study, head, find_mirror_plane(head), grid)


def asymmetry_across(study: VolumeStudy, head: Head, plane: MirrorPlane, grid: tuple[int, int]) -> FloatArray:
    """Return the maps of `midsagittal_asymmetry` for a plane that is known."""
    evidence = _oddness(head, mirrored(head, plane))
    native = _to_input_axes(evidence, study)
    maps = [map_ for stack in study.stacks for map_ in _on_views(native, study, stack, grid)]
    return np.stack(maps)


def coarse_head(study: VolumeStudy) -> Head:
    """Return the foreground's coarse sample in anatomical axes."""
    axes, signs = study.orientation.axes, study.orientation.signs
    coarse = study.foreground.coarse
    spacing = np.array([study.orientation.spacing[axis] * coarse.strides[axis] for axis in axes])
    flip = tuple(slice(None, None, sign) for sign in signs)
    mask = study.foreground.mask.transpose(axes)[flip]
    low, high = np.percentile(study.foreground.values(), (1, 99))
    values = np.clip((coarse.values.transpose(axes)[flip] - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    weight = ndimage.gaussian_filter(mask.astype(np.float32), BLUR_MM / spacing)
    blurred = ndimage.gaussian_filter(np.where(mask, values, 0), BLUR_MM / spacing)
    return Head(np.where(mask, blurred / np.maximum(weight, 1e-3), 0).astype(np.float32), mask, spacing)


def find_mirror_plane(head: Head) -> MirrorPlane:
    """Return the plane across which the head correlates best with its mirror image."""
    every = slice(None, None, FIT_STRIDE)
    small = Head(head.values[every, every, every], head.mask[every, every, every], head.spacing * FIT_STRIDE)
    compared = small.values[every, every, every].ravel()
    x, y, z = (float(value) for value in np.argwhere(small.mask).mean(axis=0) * small.spacing)

    def plane_of(millimetres: npt.NDArray[np.float64]) -> MirrorPlane:
        shift, by_y, by_z = (float(value) for value in millimetres / (1.0, TILT_ARM_MM, TILT_ARM_MM))
        return MirrorPlane(x + shift - by_y * y - by_z * z, by_y, by_z)

    def disagreement(millimetres: npt.NDArray[np.float64]) -> float:
        image = mirrored(small, plane_of(millimetres), FIT_STRIDE)
        return -float(np.corrcoef(compared, image.ravel())[0, 1])

    start = np.vstack([np.zeros(3), FIRST_STEP_MM * np.eye(3)])
    options = {"initial_simplex": start, "xatol": 0.1, "fatol": 1e-4}
    return plane_of(optimize.minimize(disagreement, np.zeros(3), method="Nelder-Mead", options=options).x)


def mirrored(head: Head, plane: MirrorPlane, stride: int = 1) -> FloatArray:
    """Return the head's values reflected at a plane, at every `stride`-th sample."""
    normal = np.array([1.0, -plane.by_y, -plane.by_z])
    normal /= np.linalg.norm(normal)
    offset = plane.at * normal[0]
    reflection = np.eye(3) - 2 * np.outer(normal, normal)
    matrix = reflection * head.spacing / head.spacing[:, None]
    shift = 2 * offset * normal / head.spacing
    shape = tuple(-(-count // stride) for count in head.values.shape)
    image: FloatArray = ndimage.affine_transform(head.values, stride * matrix, shift, output_shape=shape, order=1)
    return image


def _oddness(head: Head, mirror: FloatArray) -> FloatArray:
    """Return in [0, 1] how much a place differs from its mirror image, the more the rarer it is of the two."""
    both = head.mask & (mirror > 0)
    difference = np.where(both, head.values - mirror, 0)
    spread = max(MAD_TO_SD * float(np.median(np.abs(difference[both]))), LEAST_SPREAD)
    own, other = _commonness(head, head.values), _commonness(head, mirror)
    deviation = 2 * other / (own + other) * np.abs(difference) / spread
    odd: FloatArray = (deviation**2 / (deviation**2 + HALF_WAY**2)).astype(np.float32)
    return odd


def _commonness(head: Head, values: FloatArray) -> npt.NDArray[np.float64]:
    """Return how common each value is in the head, by a smoothed histogram."""
    counts, _ = np.histogram(head.values[head.mask], BINS, (0, 1))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), BINS / 32) + 1
    common: npt.NDArray[np.float64] = smooth[np.clip((values * BINS).astype(np.intp), 0, BINS - 1)]
    return common


def _to_input_axes(values: FloatArray, study: VolumeStudy) -> FloatArray:
    flip = tuple(slice(None, None, sign) for sign in study.orientation.signs)
    native: FloatArray = values[flip].transpose(np.argsort(study.orientation.axes))
    return native


def _on_views(native: FloatArray, study: VolumeStudy, stack: SliceStack, grid: tuple[int, int]) -> Iterator[FloatArray]:
    """Yield the values at the cells of each view of one plane."""
    canvas, coarse = stack.canvas, study.foreground.coarse
    rows, columns = canvas.cells(grid)
    places = {canvas.across: stack.indices.astype(float), canvas.down: rows, canvas.right: columns}
    i, j, k = ((places[axis] - coarse.starts[axis]) / coarse.strides[axis] for axis in range(3))
    sampled = ndimage.map_coordinates(native, np.meshgrid(i, j, k, indexing="ij"), order=1)
    yield from sampled.transpose(canvas.across, canvas.down, canvas.right)
