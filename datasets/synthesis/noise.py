"""Smooth random fields in two or three dimensions."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def perlin(rng: np.random.Generator, shape: tuple[int, ...], cell: float, octaves: int = 1) -> FloatArray:
    """Return Perlin's gradient noise (SIGGRAPH 1985), zero on average and of unit standard deviation.

    Parameters
    ----------
    rng : numpy Generator
    shape : tuple of int
        Two or three sides.
    cell : float
        Size of one cell of the coarsest octave, in pixels or voxels.
    octaves : int
        How many times the cell is halved and the halved amplitude added.
    """
    field = np.zeros(shape, np.float32)
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.5)
        field += _octave(rng, shape, size) / np.float32(2**octave)
    field -= field.mean()
    spread = float(field.std())
    return field / np.float32(spread) if spread > 0 else field


def _octave(rng: np.random.Generator, shape: tuple[int, ...], cell: float) -> FloatArray:
    """Blend, in every cell, the linear ramps that its corners' random gradients span."""
    dims = len(shape)
    cells, offsets, fades = [], [], []
    for axis, side in enumerate(shape):
        position = (np.arange(side, dtype=np.float32) + np.float32(rng.uniform(0, cell))) / np.float32(cell)
        corner = position.astype(np.intp)
        offset = position - corner
        cells.append(corner)
        along = [1] * dims
        along[axis] = side
        offsets.append(offset.reshape(along))
        fades.append((offset**3 * (offset * (offset * 6 - 15) + 10)).reshape(along))
    lattice = tuple(int(corner[-1]) + 2 for corner in cells)
    gradients = rng.standard_normal((dims, *lattice), dtype=np.float32)
    gradients /= np.sqrt((gradients**2).sum(axis=0)) + np.float32(1e-6)
    field = np.zeros(shape, np.float32)
    for corner in product((0, 1), repeat=dims):
        index = np.ix_(*(cells[axis] + corner[axis] for axis in range(dims)))
        ramp = sum(gradients[axis][index] * (offsets[axis] - corner[axis]) for axis in range(dims))
        for axis in range(dims):
            ramp = ramp * (fades[axis] if corner[axis] else 1 - fades[axis])
        field += ramp
    return field
