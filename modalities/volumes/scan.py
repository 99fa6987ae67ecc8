"""A 3D scan as a reader returns it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.volumes.voxels import Voxels

if TYPE_CHECKING:
    from looktwice.modalities.volumes.dicom_frames import Frame


class Kind(str, Enum):
    """What the voxel values mean."""

    CT = "ct"
    MR = "mr"
    OTHER = "other"


@dataclass
class Scan:
    """One 3D scan in the input's own index order.

    Attributes
    ----------
    voxels : Voxels, shape (I, J, K)
    affine : float64, shape (4, 4)
        Voxel indices to RAS millimetres.
    kind : Kind or None
        None where the format does not say; decided from the values then.
    header : nibabel NIfTI-1 or NIfTI-2 header
        What the heatmap is written with: shape, affine, codes and units of the input.
    name : str
        Safe as a folder name; holds nothing that identifies a patient.
    head : bool or None
        Whether it shows a head, where the format says so.
    frames : list of Frame
        The DICOM frames that it was made of, from the first plane of the last axis to the last.
    planes : float64, shape (N,)
        Where each frame lies along the last axis; between two planes where the frames are not evenly spaced.
    notes : list of str
        What was decided by rule.
    measured : bool
        Whether the input says how large its voxels are; nothing is said in millimetres where it does not.

    Examples
    --------
    >>> air = Voxels(np.zeros((4, 5, 6), np.int16), intercept=-1000.0)
    >>> affine = np.diag([1.0, 1, 2, 1])
    >>> scan = Scan(air, affine, Kind.CT, nifti_header(air.shape, affine), name="phantom", source=Path("phantom.nii"))
    >>> scan.voxels[0:1, 0:1, 0:1].item()  # Hounsfield units
    -1000.0
    >>> (scan.affine @ [1, 1, 1, 1])[:3]  # where voxel (1, 1, 1) lies, in millimetres
    array([1., 1., 2.])
    """

    voxels: Voxels
    affine: npt.NDArray[np.float64]
    kind: Kind | None
    header: Any
    name: str
    source: Path
    head: bool | None = None
    frames: list[Frame] = field(default_factory=list)
    planes: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    notes: list[str] = field(default_factory=list)
    measured: bool = True


def nifti_header(shape: tuple[int, int, int], affine: npt.NDArray[np.float64]) -> nib.Nifti1Header:
    """Return the header that stands for an input that is not NIfTI: scanner coordinates, millimetres, no text.

    A sheared affine (gantry tilt) fits only into the sform; the qform's code is then 0.
    """
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    header.set_xyzt_units("mm")
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    orthogonal = np.allclose(directions.T @ directions, np.eye(3), atol=1e-4)
    header.set_qform(affine, code=1 if orthogonal else 0)
    header.set_sform(affine, code=1)
    return header


def pick_channel(count: int, channel: int | None, notes: list[str]) -> int:
    """Return which of `count` 3D volumes to read, and say so in `notes` where there was a choice.

    Raises
    ------
    InputError
        There is no such channel.
    """
    if channel is not None and not 0 <= channel < count:
        raise InputError(f"there is no channel {channel}; the input has {count} channels, counted from 0")
    if count > 1:
        notes.append(f"found {count} channels and used channel {channel or 0}")
    return channel or 0
