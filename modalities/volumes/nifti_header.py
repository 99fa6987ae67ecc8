"""NIfTI headers: read, repaired where they can be, and the one geometry that holds; what was done becomes a note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

Affine = npt.NDArray[np.float64]

MILLIMETRES = {0: 1.0, 1: 1e3, 2: 1.0, 3: 1e-3}
"""Of the codes of NIfTI's units of length: unknown, metre, millimetre, micrometre."""

LARGEST_VOXEL_MM = 100.0
"""Voxels that are larger do not exist: such a header says metres and means millimetres."""

FORGIVEN = 3 * float(np.finfo(np.float32).eps)
"""nibabel lets the sum of squares of a quaternion exceed 1 by so much, as single precision rounds it."""

LENGTH_BITS = 0b111
"""The part of ``xyzt_units`` that says the unit of length."""


@dataclass(frozen=True)
class Geometry:
    """Where the voxels of a file lie.

    Attributes
    ----------
    affine : float64, shape (4, 4)
        Voxel indices to RAS millimetres.
    measured : bool
        Whether the file says how large its voxels are.

    Examples
    --------
    >>> header = nib.Nifti1Header()
    >>> header.set_data_shape((4, 5, 6))
    >>> header["pixdim"][1:4] = np.nan
    >>> geometry_of(header, notes := []).measured
    False
    >>> notes[0]
    'the voxel sizes are not usable; others are assumed, and no size in millimetres is certain'
    """

    affine: Affine
    measured: bool


def scaling_of(header: Any, notes: list[str]) -> tuple[float, float]:
    """Return slope and intercept; what is no number does not scale (nibabel refuses such a header)."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not np.isfinite(slope):
        return 1.0, 0.0
    if not np.isfinite(intercept):
        notes.append("the header's intercept is no number; 0 is taken")
        intercept = 0.0
    return slope, intercept


def geometry_of(header: Any, notes: list[str]) -> Geometry:
    """Return the geometry of a header, and repair the header in place so that other programs see the same one.

    The sform is used where it can be, as nibabel does; else the qform; else the voxel sizes alone.
    """
    scale = _millimetres(header, notes)
    measured = _repair_sizes(header)
    _repair_quaternion(header, notes)
    stated = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    sform = usable(header.get_sform()) if stated[0] else None
    qform = usable(header.get_qform()) if stated[1] else None
    measured = measured or sform is not None
    if not measured:
        notes.append("the voxel sizes are not usable; others are assumed, and no size in millimetres is certain")
    if sform is None and qform is None:
        return _without_forms(header, any(stated), measured, scale, notes)
    if sform is None:
        assert qform is not None
        if stated[0]:
            notes.append("the sform is not usable; the qform is used")
            header.set_sform(qform, int(header["qform_code"]))
        affine = qform
    else:
        affine = sform
        if stated[1] and qform is None:
            notes.append("the qform is not usable; the sform is used")
            # NIfTI's sizes are those of the qform; the sform has them too.
            header["pixdim"][1:4] = np.linalg.norm(sform[:3, :3], axis=0)
            header.set_qform(None, 0)
        elif qform is not None and nib.aff2axcodes(sform) != nib.aff2axcodes(qform):
            notes.append(_contradiction(sform, qform))
    return Geometry(_scaled(affine, scale, header, notes), measured)


def _without_forms(header: Any, stated: bool, measured: bool, scale: float, notes: list[str]) -> Geometry:
    if stated:
        notes.append("the affine is not usable, the voxel sizes are taken instead; left and right are not certain")
        header.set_sform(None, 0)
        header.set_qform(None, 0)
    else:
        notes.append("the file states no orientation; left and right are not certain")
    return Geometry(_scaled(np.asarray(header.get_base_affine(), np.float64), scale, header, notes), measured)


def _contradiction(sform: Affine, qform: Affine) -> str:
    codes = ["".join(nib.aff2axcodes(affine)) for affine in (sform, qform)]
    sides = bool(set("LR") & {a for a, b in zip(*codes, strict=True) if a != b})
    what = "name other sides of the patient" if sides else "turn the scan otherwise"
    return (
        f"sform and qform {what} ({codes[0]}, {codes[1]}); the sform is used, "
        "programs that prefer the qform (ITK, 3D Slicer) show it otherwise"
    )


def _millimetres(header: Any, notes: list[str]) -> float:
    """Return the unit of length in millimetres; a unit that no table knows becomes millimetres."""
    units = int(header["xyzt_units"])
    if units & LENGTH_BITS not in MILLIMETRES or (units & ~LENGTH_BITS) & 0xC0:
        notes.append("the header's unit of length is not known; millimetres are assumed")
        header["xyzt_units"] = 2
    return MILLIMETRES[int(header["xyzt_units"]) & LENGTH_BITS]


def _scaled(affine: Affine, scale: float, header: Any, notes: list[str]) -> Affine:
    """Return an affine in millimetres."""
    if scale > 1 and scale * np.linalg.norm(affine[:3, :3], axis=0).min() > LARGEST_VOXEL_MM:
        notes.append("the header says metres, which its voxel sizes cannot be; millimetres are assumed")
        scale = 1.0
        header["xyzt_units"] = int(header["xyzt_units"]) & ~LENGTH_BITS | 2
    scaled: Affine = np.diag([scale, scale, scale, 1.0]) @ affine
    return scaled


def _repair_sizes(header: Any) -> bool:
    """Make the three voxel sizes positive numbers; tell whether they were already.

    A size in the plane that is missing becomes the other one, for pixels are square mostly; any other becomes 1.
    """
    sizes = np.asarray(header["pixdim"], np.float64)
    if sizes[0] not in (-1.0, 1.0):  # the sign of the third axis
        header["pixdim"][0] = 1.0
    # The sizes of axes that a file in two dimensions lacks mean nothing.
    used = max(1, min(3, int(header["dim"][0])))
    stated = np.abs(sizes[1:4])
    good = np.isfinite(stated) & (stated > 0)
    square = stated[:2][good[:2]]
    instead = np.array([*[square[0] if square.size else 1.0] * 2, 1.0])
    if used < 3 or not good.all():
        header["pixdim"][1:4] = np.where(good, stated, instead)
    return bool(good[:used].all())


def _repair_quaternion(header: Any, notes: list[str]) -> None:
    """Shorten a quaternion that is longer than 1 (rounding, mostly), for which nibabel finds no rotation."""
    names = ("quatern_b", "quatern_c", "quatern_d")
    given = np.array([float(header[name]) for name in names])
    length = float(np.linalg.norm(given)) if np.isfinite(given).all() else np.inf
    offsets = np.array([float(header[name]) for name in ("qoffset_x", "qoffset_y", "qoffset_z")])
    if not np.isfinite(length) or not np.isfinite(offsets).all():
        if int(header["qform_code"]) > 0:
            notes.append("the qform is no rotation; it is left out")
        header["qform_code"] = 0
        for name in (*names, "qoffset_x", "qoffset_y", "qoffset_z"):
            header[name] = 0.0
    elif length**2 > 1 + FORGIVEN:
        for name, value in zip(names, given / length, strict=True):
            header[name] = value
        if int(header["qform_code"]) > 0:
            notes.append("the header's quaternion was longer than 1; it was shortened")


def usable(affine: Affine | None) -> Affine | None:
    """Return an affine that can be inverted, or None."""
    if affine is None or not np.isfinite(affine).all():
        return None
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if lengths.min() <= 0 or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-6:
        return None
    return np.asarray(affine, np.float64)
