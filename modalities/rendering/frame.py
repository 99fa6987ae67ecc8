"""The object's own frame: which way its principal axes point, whatever its pose, its scale and its sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

# Enough points for axes that are stable to a fraction of a degree; more only cost time.
_SAMPLE = 25_000
# A point stands for at most this many times the typical spacing squared: a stray point must not turn the axes.
_WIDEST = 3.0
# Two variances closer than this share of their sum do not tell their axes apart.
_ALIKE = 0.05
# Rotational symmetries that are looked for about an axis, in this order.
_FOLDS = (4, 3, 6, 5, 8)
# How clear a normalised moment must be to decide a symmetry, or a sign.
_CLEAR_FOLD = 0.1
_CLEAR_SIGN = 0.05
_CELLS = 32


@dataclass(frozen=True)
class PrincipalFrame:
    """A right-handed orthonormal frame fixed to the object, and the object in brief.

    Attributes
    ----------
    axes : float32, shape (3, 3)
        Rows are the unit vectors "right" (largest variance), "up" (second) and "front" (least variance).
    cells : float32, shape (M, 3)
        Mean points of the occupied cells of a coarse grid, in the coordinates of the points: the surface, evenly
        sampled.
    cell_side : float

    Examples
    --------
    >>> slab = (np.random.default_rng(0).random((5000, 3)) * (1, 4, 2)).astype(np.float32)
    >>> frame = principal_frame(slab, np.full(5000, 0.1, np.float32))
    >>> np.abs(frame.axes).round() + 0.0  # the longest side first, the shortest last
    array([[0., 1., 0.],
           [0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """

    axes: FloatArray
    cells: FloatArray
    cell_side: float


def principal_frame(points: FloatArray, spacing: FloatArray) -> PrincipalFrame:
    """Return the principal frame of a surface.

    Moments are taken over area, not over points, so that a densely scanned patch does not pull the axes. Axes of equal
    variance, as a cube's or a nut's, are turned to the shape's own symmetry instead. Signs are fixed by the moments
    that are odd along each axis: the heavier tail looks to the positive side.

    Parameters
    ----------
    points : float32, shape (P, 3)
        Finite points.
    spacing : float32, shape (P,)
        Local distance between points (`spacing.local_spacing`).
    """
    if len(points) > _SAMPLE:
        sample = np.random.default_rng(0).integers(0, len(points), _SAMPLE)
        points, spacing = points[sample], spacing[sample]
    area = np.minimum(spacing, _WIDEST * np.median(spacing)).astype(np.float64) ** 2
    area /= area.sum()
    centred = points - area @ points
    axes = _symmetric_axes(centred, area)
    lopsided = _lopsidedness(centred @ axes.T, area)
    axes *= np.where(lopsided < 0, -1.0, 1.0)[:, None]
    # The two clearest signs are kept; the third follows from right-handedness.
    axes[np.argmin(np.abs(lopsided))] *= np.sign(np.linalg.det(axes))
    cells, side = _cell_means(points @ axes.T)
    return PrincipalFrame(axes.astype(np.float32), (cells @ axes).astype(np.float32), side)


def _lopsidedness(along: Matrix, area: Matrix) -> Matrix:
    """Return for each axis the first of the moments odd in it that is clear, normalised, shape (3,)."""
    unit = along / np.maximum(np.sqrt(area @ along**2), 1e-12)
    spread = [unit**2, np.roll(unit, 1, axis=1) ** 2, np.roll(unit, 2, axis=1) ** 2, np.abs(unit)]
    moments = np.stack([area @ (unit * weight) for weight in spread])
    first: Matrix = moments[(np.abs(moments) > _CLEAR_SIGN).argmax(axis=0), np.arange(3)]
    return first


def _symmetric_axes(centred: Matrix, area: Matrix) -> Matrix:
    """Return the principal axes as rows, the largest variance first; ambiguous ones follow the shape's symmetry."""
    variance, vectors = np.linalg.eigh(centred.T @ (centred * area[:, None]))
    axes: Matrix = vectors.T[::-1].copy()
    variance = np.maximum(variance[::-1], 0)
    gap = (variance[:-1] - variance[1:]) / np.maximum(variance[:-1] + variance[1:], 1e-30)
    if (gap < _ALIKE).all():
        # A cube or a ball: Jacobi sweeps find the axes along which the faces are flattest.
        for first, second in ((0, 1), (1, 2), (0, 2)) * 6:
            _turn_pair(axes, centred, area, (first, second), folds=(4,))
    elif (gap < _ALIKE).any():
        first = int(np.argmin(gap))
        _turn_pair(axes, centred, area, (first, first + 1), folds=_FOLDS)
    return axes[np.argsort(-(area @ (centred @ axes.T) ** 2), kind="stable")]


def _turn_pair(axes: Matrix, centred: Matrix, area: Matrix, pair: tuple[int, int], folds: tuple[int, ...]) -> None:
    """Turn two axes within their plane, in place, to the first of the rotational symmetries in `folds` that is clear.

    The k-th circular moment, the integral of (x + iy)^k, has k times the angle of a k-fold shape's corners as its
    phase; the first axis is laid halfway between two corners, square to a flat side.
    """
    flat = (centred @ axes[pair[0]]) + 1j * (centred @ axes[pair[1]])
    for fold in folds:
        power = flat**fold
        moment = (area @ power) / max(area @ np.abs(power), 1e-30)
        if np.abs(moment) > _CLEAR_FOLD:
            angle = (np.angle(moment) + np.pi) / fold
            cosine, sine = np.cos(angle), np.sin(angle)
            axes[list(pair)] = np.array(((cosine, sine), (-sine, cosine))) @ axes[list(pair)]
            return


def _cell_means(points: npt.NDArray[np.floating]) -> tuple[Matrix, float]:
    """Return the mean point of every occupied cell of a grid with `_CELLS` cells along the longest side."""
    columns = np.ascontiguousarray(points.T)
    low = columns.min(axis=1, keepdims=True)
    side = float((columns.max(axis=1, keepdims=True) - low).max()) / _CELLS or 1.0
    i, j, k = np.minimum(((columns - low) / side).astype(np.int64), _CELLS - 1)
    cell = (i * _CELLS + j) * _CELLS + k
    count = np.bincount(cell, minlength=_CELLS**3)
    used = count > 0
    sums = [np.bincount(cell, weights=column, minlength=_CELLS**3)[used] for column in columns]
    return np.stack(sums, axis=1) / count[used, None], side
