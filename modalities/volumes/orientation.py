"""Orientation of a scan: which array axis points in which anatomical direction."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import nibabel as nib
import numpy as np
import numpy.typing as npt


class Plane(str, Enum):
    """The three anatomical planes; each is crossed along one axis of RAS+."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    @property
    def normal(self) -> int:
        """The RAS axis across the plane: x, y, z = 0, 1, 2."""
        return {"sagittal": 0, "coronal": 1, "axial": 2}[self.value]


THIN_SHARE = 0.25
"""A scan is a slab where it reaches so little across its slices, of its next larger extent. The fewest slices of a
whole head reach about half as far as they are wide."""


@dataclass(frozen=True)
class Orientation:
    """How the input's axes i, j, k follow the patient's right-left, front-back and head-foot axes.

    Attributes
    ----------
    axes : (int, int, int)
        Input axis that is closest to RAS x, y and z.
    signs : (int, int, int)
        +1 where that axis grows towards Right, Anterior, Superior, else -1.
    spacing : (float, float, float)
        Millimetres a voxel, along the input's axes.

    Examples
    --------
    >>> affine = np.array([[0, 0, -2.0, 90], [1, 0, 0, -80], [0, 1, 0, -60], [0, 0, 0, 1]])
    >>> found = orientation_of(affine)  # i runs to the front, j to the head, k to the left
    >>> found.axes, found.signs, found.spacing
    ((2, 0, 1), (-1, 1, 1), (1.0, 1.0, 2.0))
    """

    axes: tuple[int, int, int]
    signs: tuple[int, int, int]
    spacing: tuple[float, float, float]


def orientation_of(affine: npt.NDArray[np.float64]) -> Orientation:
    """Return the closest axis-aligned orientation of an affine that maps voxels to RAS millimetres."""
    codes = nib.orientations.io_orientation(affine)
    axes = [0, 0, 0]
    signs = [1, 1, 1]
    for native, (world, sign) in enumerate(codes):
        axes[int(world)] = native
        signs[int(world)] = int(sign)
    sizes = nib.affines.voxel_sizes(affine)
    return Orientation(
        (axes[0], axes[1], axes[2]),
        (signs[0], signs[1], signs[2]),
        (float(sizes[0]), float(sizes[1]), float(sizes[2])),
    )


def thin_plane(orientation: Orientation, shape: tuple[int, int, int]) -> Plane | None:
    """Return the plane of a single slice or a thin slab, by its extent; None for a scan that fills space."""
    extents = [count * size if count > 1 else 0.0 for count, size in zip(shape, orientation.spacing, strict=True)]
    across, second, _ = sorted(extents)
    axis = int(np.argmin(extents))
    if across > THIN_SHARE * second or second == 0:
        return None
    return next(plane for plane in Plane if orientation.axes[plane.normal] == axis)
