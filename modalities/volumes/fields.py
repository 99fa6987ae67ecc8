"""Separable interpolation: coarse 3D arrays read at native voxels, slab by slab, with one small matrix per axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse

from looktwice.core.study import FloatArray
from looktwice.modalities.volumes.voxels import Box

LEAST_SIGMA = 0.1
"""In voxels; less changes nothing."""


@dataclass(frozen=True)
class SeparableField:
    """A coarse field and the matrices that bring it to the voxel grid.

    Attributes
    ----------
    samples : float32, shape (A, B, C)
    axes : (int, int, int)
        The voxel axis that each axis of `samples` runs along.
    weights : three float32 arrays
        ``weights[n]`` has shape (voxels along ``axes[n]``, ``samples.shape[n]``); its rows sum to 1, so that values
        keep their range.

    Examples
    --------
    >>> samples = np.array([0, 1], np.float32).reshape(2, 1, 1)
    >>> along, once = interpolation(5, np.array([0.0, 4.0])), np.ones((2, 1), np.float32)
    >>> field = SeparableField(samples, (0, 1, 2), (along, once, once))
    >>> field[0:5, 0:1, 1:2].ravel()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """

    samples: FloatArray
    axes: tuple[int, int, int]
    weights: tuple[FloatArray, FloatArray, FloatArray]

    def __getitem__(self, box: Box) -> FloatArray:
        """Return the field at the voxels of one box, in voxel axis order."""
        out = self.samples
        # Each product takes the first axis to voxels and leaves it last, so that three bring the axes back in order.
        for weights, axis in zip(self._sparse, self.axes, strict=True):
            rest = out.shape[1:]
            voxels = weights[box[axis]] @ np.ascontiguousarray(out).reshape(len(out), -1)
            out = np.moveaxis(voxels.reshape(-1, *rest), 0, -1)
        return cast("FloatArray", out.transpose(np.argsort(self.axes)))

    @cached_property
    def _sparse(self) -> list[Any]:
        """The weights without their zeros: few samples reach a voxel, and BLAS threads would wait for the encoder's."""
        return [sparse.csr_array(weights) for weights in self.weights]


def interpolation(count: int, positions: npt.NDArray[np.floating[Any]], sigma: float = 0.0) -> FloatArray:
    """Return the matrix that takes samples at `positions` to the voxels 0 ... `count` - 1 of one axis.

    Linear interpolation, constant beyond the outermost samples, then Gaussian smoothing.

    Parameters
    ----------
    positions : float, shape (M,)
        In voxels, strictly ascending or strictly descending.
    sigma : float
        Of the smoothing, in voxels.

    Returns
    -------
    float32, shape (count, M)
        Every row sums to 1.
    """
    if len(positions) > 1 and positions[0] > positions[-1]:
        return interpolation(count, positions[::-1], sigma)[:, ::-1]
    voxels = np.arange(count)
    weights: FloatArray = np.zeros((count, len(positions)), np.float32)
    upper = np.clip(np.searchsorted(positions, voxels), 1, max(1, len(positions) - 1))
    if len(positions) == 1:
        weights[:] = 1
    else:
        below, above = positions[upper - 1], positions[upper]
        share = np.clip((voxels - below) / (above - below), 0, 1)
        weights[voxels, upper - 1] = 1 - share
        weights[voxels, upper] = share
    if sigma > LEAST_SIGMA:
        weights = ndimage.gaussian_filter1d(weights, sigma, axis=0, mode="nearest")
    return weights
