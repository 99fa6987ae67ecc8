"""Volumes in memory: arrays and tensors with their geometry, images of nibabel and SimpleITK, MONAI's tensors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError, UsageError
from looktwice.modalities.memory import as_array, comes_from, describe, is_array, is_tensor
from looktwice.modalities.volumes.itk import LPS_TO_RAS, scan_of_itk
from looktwice.modalities.volumes.nifti import scan_of_nibabel
from looktwice.modalities.volumes.scan import Scan, nifti_header, pick_channel
from looktwice.modalities.volumes.voxels import Voxels

Affine = npt.NDArray[np.float64]


def scan_in_memory(
    data: Any,
    *,
    affine: npt.ArrayLike | None = None,
    spacing: Sequence[float] | None = None,
    channel: int | None = None,
) -> Scan:
    """Return an object in memory as a scan.

    Parameters
    ----------
    data : nibabel image, SimpleITK.Image, MONAI MetaTensor, array or tensor
        Arrays have the shape (I, J, K). Tensors may have channels first, (C, I, J, K). nibabel's images and SimpleITK's
        may be 4D.
    affine : array_like, shape (4, 4), optional
        Of arrays and plain tensors: voxel indices to RAS millimetres.
    spacing : sequence of three float, optional
        In its place: millimetres between voxels along I, J and K, which then point to the right, front and head.
    channel : int, optional
        Which of several volumes or components.

    Raises
    ------
    InputError
        Of another shape or type, of several volumes without `channel`, or without geometry.
    UsageError
        `affine` or `spacing` is unusable, or not for this object.
    """
    if not is_array(data) or comes_from(data, "monai"):
        if affine is not None or spacing is not None:
            raise UsageError(f"{describe(data)} states its own geometry: affine and spacing are for arrays and tensors")
        if comes_from(data, "nibabel"):
            return _from_nibabel(data, channel)
        if comes_from(data, "SimpleITK"):
            return _from_itk(data, channel)
        if not comes_from(data, "monai"):
            raise InputError(f"{describe(data)}: this is no volume")
    values, notes = as_array(data), list[str]()
    if values.ndim == 4 and is_tensor(data):
        values = values[chosen(len(values), channel, notes, describe(data))]
    if values.ndim != 3 or values.dtype.kind not in "buif":
        raise InputError(f"{describe(data)}: a volume holds numbers in the shape (I, J, K), a tensor also (C, I, J, K)")
    if values.size == 0:
        raise InputError(f"{describe(data)}: the array contains no voxels")
    geometry = _monai_affine(data) if comes_from(data, "monai") else _given_affine(data, affine, spacing, notes)
    voxels = values.astype(np.uint8) if values.dtype.kind == "b" else values
    return Scan(
        voxels=Voxels(voxels),
        affine=geometry,
        kind=None,
        header=nifti_header(voxels.shape, geometry),
        name="volume" if comes_from(data, "monai") else "array",
        source=Path("volume" if comes_from(data, "monai") else "array"),
        notes=notes,
    )


def chosen(count: int, channel: int | None, notes: list[str], what: str) -> int:
    """Return which of `count` volumes in memory to take: where there are several, the caller has to say.

    Raises
    ------
    InputError
        There are several and none was chosen, or there is no such one.
    """
    if count > 1 and channel is None:
        raise InputError(f"{what}: holds {count} volumes; say which with channel=0 to {count - 1}")
    return pick_channel(count, channel, notes)


def _given_affine(data: Any, affine: npt.ArrayLike | None, spacing: Sequence[float] | None, notes: list[str]) -> Affine:
    if (affine is None) == (spacing is None):
        what = "needs" if affine is None else "takes only one of"
        raise (InputError if affine is None else UsageError)(
            f"{describe(data)}: a volume {what} affine= (4 × 4, to RAS millimetres) or spacing= (millimetres along "
            "I, J, K); a picture has its channels last in an array, first in a tensor"
        )
    if spacing is not None:
        sizes = np.asarray(spacing, np.float64)
        if sizes.shape != (3,) or not (np.isfinite(sizes).all() and (sizes > 0).all()):
            raise UsageError(f"spacing {spacing!r} is not understood; give three lengths in millimetres")
        notes.append("the array states no orientation; left and right are not certain")
        return np.diag([*sizes, 1.0])
    matrix = as_array(affine) if is_array(affine) else np.asarray(affine)
    return _checked(np.asarray(matrix, np.float64))


def _checked(affine: Affine) -> Affine:
    if (
        affine.shape != (4, 4)
        or not np.isfinite(affine).all()
        or not np.allclose(affine[3], (0, 0, 0, 1))
        or abs(np.linalg.det(affine[:3, :3])) < 1e-12
    ):
        raise UsageError("the affine is not usable; give an invertible matrix (4, 4) from voxels to RAS millimetres")
    return affine


def _monai_affine(data: Any) -> Affine:
    """Return a MetaTensor's affine, which is RAS unless its reader was told to leave it in LPS."""
    affine = _checked(np.asarray(as_array(data.affine), np.float64))
    flipped: Affine = LPS_TO_RAS @ affine
    return flipped if str(data.meta.get("space", "")).upper().endswith("LPS") else affine


def _from_nibabel(image: Any, channel: int | None) -> Scan:
    if not hasattr(image, "affine") or not hasattr(image, "dataobj"):
        raise InputError(f"{describe(image)}: this is no volume")
    return scan_of_nibabel(image, lambda count, notes: chosen(count, channel, notes, f"image of shape {image.shape}"))


def _from_itk(image: Any, channel: int | None) -> Scan:
    size = f"SimpleITK image of size {image.GetSize()}"
    return scan_of_itk(image, Path("volume"), lambda count, notes: chosen(count, channel, notes, size))
