"""Smooth random fields in two or three dimensions."""

from __future__ import annotations

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

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.datasets.synthesis.noise import perlin
    >>> field = perlin(np.random.default_rng(0), (32, 48), cell=8)
    >>> field.shape, round(float(field.std()), 3)
    ((32, 48), 1.0)
    """
    field = np.zeros(shape, np.float32)
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.5)
        field += _octave(rng, shape, size) / np.float32(2**octave)
    field -= field.mean()
    spread = float(field.std())
    return field / np.float32(spread) if spread > 0 else field


def slow_field(rng: np.random.Generator, shape: tuple[int, ...], cell: float) -> FloatArray:
    """Return one octave of :func:`perlin` of a large cell, computed on every few voxels and interpolated linearly."""
    step = max(1, int(cell / 8))
    field = perlin(rng, tuple(side // step + 2 for side in shape), cell / step)
    for axis, side in enumerate(shape):
        place = np.arange(side, dtype=np.float32) / np.float32(step)
        below = place.astype(np.intp)
        field = _along(_weights(below, 1 - (place - below), place - below, field.shape[axis]), field, axis)
    return field


def _octave(rng: np.random.Generator, shape: tuple[int, ...], cell: float) -> FloatArray:
    """Blend, in every cell, the linear ramps that its corners' random gradients span.

    The blend is separable: each axis contributes one product of small matrices with its component of the gradients.
    """
    blends, ramps = [], []
    for side in shape:
        position = (np.arange(side, dtype=np.float32) + np.float32(rng.uniform(0, cell))) / np.float32(cell)
        corner = position.astype(np.intp)
        offset = position - corner
        fade = offset**3 * (offset * (offset * 6 - 15) + 10)
        size = int(corner[-1]) + 2
        blends.append(_weights(corner, 1 - fade, fade, size))
        ramps.append(_weights(corner, (1 - fade) * offset, fade * (offset - 1), size))
    gradients = rng.standard_normal((len(shape), *(blend.shape[1] for blend in blends)), dtype=np.float32)
    gradients /= np.sqrt((gradients**2).sum(axis=0)) + np.float32(1e-6)
    field = np.zeros(shape, np.float32)
    for axis, component in enumerate(gradients):
        for other in range(len(shape)):
            component = _along(ramps[other] if other == axis else blends[other], component, other)
        field += component
    return field


def _weights(below: npt.NDArray[np.intp], first: FloatArray, second: FloatArray, size: int) -> FloatArray:
    """Return the matrix (n, size) that takes `first` of the entry `below` and `second` of the one after it."""
    rows = np.arange(len(below))
    matrix = np.zeros((len(below), size), np.float32)
    matrix[rows, below] = first
    matrix[rows, below + 1] = second
    return matrix


def _along(matrix: FloatArray, field: FloatArray, axis: int) -> FloatArray:
    """Multiply `matrix` (n, m) with one axis of `field`, of length m."""
    return np.ascontiguousarray(np.moveaxis(np.tensordot(matrix, field, axes=(1, axis)), 0, axis))
