"""A scan averaged over blocks of voxels, with its axes pointing right, anterior and superior (RAS)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looktwice.core.study import BoolArray, FloatArray
from looktwice.modalities.volumes.fields import SeparableField, interpolation
from looktwice.modalities.volumes.foreground import Foreground
from looktwice.modalities.volumes.orientation import Orientation
from looktwice.modalities.volumes.voxels import SLAB_BYTES, Box, Voxels

Steps = tuple[int, int, int]
Positions = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Averages:
    """Means of blocks of voxels; the axes x, y, z run towards right, front and up.

    Attributes
    ----------
    values : float32, shape (X, Y, Z)
    affine : float64, shape (4, 4)
        Indices of `values` to RAS millimetres.
    axes : (int, int, int)
        Voxel axis that x, y and z run along.
    positions : three float64 arrays
        Where the samples lie along those voxel axes, in voxels.
    shape : (int, int, int)
        Of the scan.

    Examples
    --------
    >>> values = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    >>> places = np.arange(4.0)
    >>> fine = Averages(values, np.diag([2.0, 2, 2, 1]), (0, 1, 2), (places, places, places), (4, 4, 4))
    >>> coarse = fine.coarser(millimetres=4)
    >>> coarse.values.shape, coarse.spacing, coarse.positions[0]
    ((2, 2, 2), array([4., 4., 4.]), array([0.5, 2.5]))
    >>> coarse.field(coarse.values)[:, :, :].shape  # back at the scan's voxels
    (4, 4, 4)
    """

    values: FloatArray
    affine: npt.NDArray[np.float64]
    axes: tuple[int, int, int]
    positions: Positions
    shape: tuple[int, int, int]

    @property
    def spacing(self) -> npt.NDArray[np.float64]:
        """Millimetres a sample along x, y and z."""
        spacing: npt.NDArray[np.float64] = np.linalg.norm(self.affine[:3, :3], axis=0)
        return spacing

    def field(self, samples: FloatArray) -> SeparableField:
        """Return values on this grid as a field on the scan's voxels."""
        first, second, third = (
            interpolation(self.shape[axis], places) for axis, places in zip(self.axes, self.positions, strict=True)
        )
        return SeparableField(samples, self.axes, (first, second, third))

    def inside(self, foreground: Foreground) -> BoolArray:
        """Return which samples lie in the foreground."""
        i, j, k = (self.positions[self.axes.index(axis)] for axis in range(3))
        inside: BoolArray = foreground.at(i, j, k).transpose(self.axes)
        return inside

    def cropped(self, box: Box) -> Averages:
        """Return the samples of one box, given by its indices."""
        shift = np.eye(4)
        shift[:3, 3] = [side.start for side in box]
        x, y, z = (places[side] for places, side in zip(self.positions, box, strict=True))
        return Averages(self.values[box], self.affine @ shift, self.axes, (x, y, z), self.shape)

    def coarser(self, millimetres: float) -> Averages:
        """Return the means of blocks of samples that measure about `millimetres`."""
        x, y, z = (_step(millimetres, size, count) for size, count in zip(self.spacing, self.values.shape, strict=True))
        scale = np.diag([x, y, z, 1.0])
        scale[:3, 3] = (np.array([x, y, z]) - 1) / 2
        a, b, c = (_block_centres(at, step) for at, step in zip(self.positions, (x, y, z), strict=True))
        return Averages(block_means(self.values, (x, y, z)), self.affine @ scale, self.axes, (a, b, c), self.shape)


def average(
    voxels: Voxels, affine: npt.NDArray[np.float64], orientation: Orientation, extent: Box, millimetres: float
) -> Averages:
    """Average the blocks of about `millimetres` that fit into a box of voxels, reading the scan slab by slab."""
    steps = [
        _step(millimetres, size, side.stop - side.start) for size, side in zip(orientation.spacing, extent, strict=True)
    ]
    counts = [(side.stop - side.start) // step for side, step in zip(extent, steps, strict=True)]
    means: FloatArray = np.empty(counts, np.float32)
    in_i, in_j, in_k = extent
    thickness = max(1, SLAB_BYTES // (4 * voxels.shape[0] * voxels.shape[1] * steps[2]))
    for first in range(0, counts[2], thickness):
        last = min(first + thickness, counts[2])
        slab = voxels[in_i, in_j, slice(in_k.start + first * steps[2], in_k.start + last * steps[2])]
        means[:, :, first:last] = block_means(slab, (steps[0], steps[1], steps[2]))
    # Voxel coordinates of the first sample, and of one step along each voxel axis.
    to_voxels = np.diag([*steps, 1.0])
    to_voxels[:3, 3] = [side.start + (step - 1) / 2 for side, step in zip(extent, steps, strict=True)]
    turn = np.eye(4)[:, [*orientation.axes, 3]]
    for column, (axis, sign) in enumerate(zip(orientation.axes, orientation.signs, strict=True)):
        if sign < 0:
            turn[axis, column], turn[axis, 3] = -1, counts[axis] - 1
    flip = tuple(slice(None, None, sign) for sign in orientation.signs)
    to_voxels = to_voxels @ turn
    x, y, z = (
        to_voxels[axis, 3] + to_voxels[axis, column] * np.arange(counts[axis])
        for column, axis in enumerate(orientation.axes)
    )
    values = np.ascontiguousarray(means.transpose(orientation.axes)[flip])
    return Averages(values, affine @ to_voxels, orientation.axes, (x, y, z), voxels.shape)


def block_means(values: FloatArray, steps: Steps) -> FloatArray:
    """Return the means of whole blocks of `steps` samples; samples left over at the upper ends are not used."""
    means = values[tuple(slice(0, count // step * step) for count, step in zip(values.shape, steps, strict=True))]
    for axis, step in enumerate(steps):
        if step > 1:
            shape = (*means.shape[:axis], means.shape[axis] // step, step, *means.shape[axis + 1 :])
            means = means.reshape(shape).mean(axis=axis + 1)
    return np.asarray(means, np.float32)


def _step(millimetres: float, size: float, count: int) -> int:
    return min(max(1, round(millimetres / size)), count)


def _block_centres(positions: npt.NDArray[np.float64], step: int) -> npt.NDArray[np.float64]:
    whole = len(positions) // step * step
    return np.asarray(positions[:whole].reshape(-1, step).mean(axis=1))
