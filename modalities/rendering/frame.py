"""The object's own frame: where it is, how large, and which way its principal axes point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

# Enough for axes that are stable to a fraction of a degree; more points only cost time.
_SAMPLE = 50_000
_CELLS = 32


@dataclass(frozen=True)
class PrincipalFrame:
    """A right-handed orthonormal frame fixed to the object.

    Attributes
    ----------
    axes : float32, shape (3, 3)
        Rows are the unit vectors "right" (largest variance), "up" (second) and "front" (least variance).
    """

    axes: FloatArray


def principal_frame(points: FloatArray) -> PrincipalFrame:
    """Return the principal frame of a surface, whatever its pose and its sampling density.

    The covariance is taken over occupied cells, not over points, so that a densely scanned patch does not pull the
    axes; signs are fixed by the third moment along each axis (the heavier tail looks to the positive side).

    Parameters
    ----------
    points : float32, shape (P, 3)
        Finite points.
    """
    sample = points
    if len(points) > _SAMPLE:
        sample = points[np.random.default_rng(0).integers(0, len(points), _SAMPLE)]
    # The grid is laid once along the sample's own axes, so that turning the object turns the cells with it.
    rough = _eigenvectors(sample - sample.mean(axis=0))
    cells = _cell_means(sample @ rough.T)
    centred = cells - cells.mean(axis=0)
    axes = _eigenvectors(centred)
    skew = ((centred @ axes.T) ** 3).mean(axis=0)
    signs = np.where(skew < 0, -1.0, 1.0)
    # The two clearest signs are kept; the third follows from right-handedness.
    weakest = int(np.argmin(np.abs(skew)))
    axes = axes * signs[:, None]
    axes[weakest] *= np.sign(np.linalg.det(axes))
    return PrincipalFrame((axes @ rough).astype(np.float32))


def _eigenvectors(centred: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the principal axes as rows, the largest variance first."""
    _, vectors = np.linalg.eigh(centred.astype(np.float64).T @ centred.astype(np.float64))
    axes: npt.NDArray[np.float64] = vectors.T[::-1].copy()
    return axes


def _cell_means(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the mean point of every occupied cell of a grid with `_CELLS` cells along the longest side."""
    low = points.min(axis=0)
    side = float(np.ptp(points, axis=0).max()) / _CELLS or 1.0
    i, j, k = np.minimum(((points - low) / side).astype(np.int64), _CELLS - 1).T
    cell = (i * _CELLS + j) * _CELLS + k
    count = np.bincount(cell, minlength=_CELLS**3)
    used = count > 0
    sums = [np.bincount(cell, weights=points[:, axis], minlength=_CELLS**3)[used] for axis in range(3)]
    return np.stack(sums, axis=1) / count[used, None]
