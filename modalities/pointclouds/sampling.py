"""Points spread evenly over a mesh's faces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


def sample_faces(
    vertices: FloatArray, faces: npt.NDArray[np.int32], count: int, colours: ByteArray | None = None
) -> tuple[FloatArray, ByteArray | None] | None:
    """Return `count` points on the faces, the same on every call.

    Faces get points in proportion to their area, by systematic sampling, and within a face the points follow the R2
    low-discrepancy sequence, which covers a surface with about a third fewer points than random draws.

    Parameters
    ----------
    vertices : float32, shape (P, 3)
        May hold NaN; faces that use such a vertex are left out.
    faces : int32, shape (F, 3)
    count : int
    colours : uint8, shape (P, 3), optional
        Interpolated where given.

    Returns
    -------
    points : float32, shape (count, 3)
    colours : uint8, shape (count, 3), or None
    or None if the faces have no area.
    """
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    cumulative = np.cumsum(np.nan_to_num(area), dtype=np.float64)
    if not cumulative[-1] > 0:
        return None
    step = (np.arange(count) + 0.5) * (cumulative[-1] / count)
    face = np.searchsorted(cumulative, step)
    # R2 (Roberts 2018): the plastic number's powers make the most even two-dimensional additive recurrence.
    u, v = np.modf(np.arange(1, count + 1)[:, None] * (0.7548776662466927, 0.5698402909980532))[0].astype(np.float32).T
    flipped = u + v > 1
    u, v = np.where(flipped, 1 - u, u), np.where(flipped, 1 - v, v)
    weights = np.stack([1 - u - v, u, v], axis=1)
    points = _blend(corners, face, weights)
    return points, None if colours is None else _blend(colours[faces], face, weights).astype(np.uint8)


def _blend(corners: npt.NDArray, face: npt.NDArray[np.int64], weights: FloatArray) -> FloatArray:
    blended: FloatArray = np.zeros((len(face), 3), np.float32)
    for corner in range(3):
        blended += weights[:, corner, None] * corners[face, corner]
    return blended
