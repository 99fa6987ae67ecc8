"""The type that readers give: points in the file's order, and which of them can be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Cloud:
    """A point cloud or a mesh as it stands in its file.

    Attributes
    ----------
    points : float32 or float64, shape (P, 3)
        In the file's order and unit; a mesh's points are its vertices.
    faces : int32, shape (F, 3), optional
        Triangles; polygons are cut into fans.
    colours : uint8, shape (P, 3), optional
    unit : {"mm", "m", "inch"}, optional
        Where the format defines it.
    missing : bool, shape (P,), optional
        Points that an organised scan marks as not measured.
    notes : tuple of str
        What was assumed when it was read, one sentence each.

    Examples
    --------
    >>> points = np.array([[0.0, 0, 0], [1, 0, 0], [np.nan, 1, 0]])
    >>> Cloud(points, unit="mm").valid
    array([ True,  True, False])
    """

    points: npt.NDArray[np.floating]
    faces: npt.NDArray[np.int32] | None = None
    colours: npt.NDArray[np.uint8] | None = None
    unit: str | None = None
    missing: npt.NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Which points are measured and finite, shape (P,)."""
        finite = np.isfinite(self.points).all(axis=1)
        valid: npt.NDArray[np.bool_] = finite if self.missing is None else finite & ~self.missing
        return valid
