"""Reading NIfTI-1 and NIfTI-2, plain or gzipped; the format is detected from the content."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from isal import igzip
from isal.igzip_lib import IsalError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from looktwice.core.errors import InputError
from looktwice.core.study import FloatArray
from looktwice.modalities.volumes.nifti_header import geometry_of, scaling_of, usable
from looktwice.modalities.volumes.scan import Scan, nifti_header, pick_channel
from looktwice.modalities.volumes.voxels import IN_MEMORY_BYTES, RawFile, Voxels

GZIP_BEST_RATIO = 1032
"""Deflate cannot do better; a header that promises more describes a truncated or damaged file."""

CHUNK = 4 * 2**20

# The stub of isal types the exception class as an instance.
READ_ERRORS: tuple[type[Exception], ...] = (EOFError, OSError, IsalError)  # type: ignore[assignment]


def read_nifti(path: Path, channel: int | None = None) -> Scan:
    """Read one NIfTI file.

    Parameters
    ----------
    channel : int, optional
        Which 3D volume of a 4D file; the first if not given.

    Raises
    ------
    InputError
        The file is truncated or damaged, or is not a scalar image in 2 to 4 dimensions.
    """
    header, gzipped = _read_header(path)
    notes: list[str] = []
    shape = _shape(header)
    taken = pick_channel(shape[3] if len(shape) == 4 else 1, channel, notes)
    geometry = geometry_of(header, notes)
    slope, intercept = scaling_of(header, notes)
    dtype = header.get_data_dtype()
    offset = _offset(header, notes)
    channel_bytes = int(np.prod(shape[:3], dtype=np.int64)) * dtype.itemsize
    layout = _Layout(tuple((*shape, 1, 1)[:3]), dtype, offset + taken * channel_bytes)  # type: ignore[arg-type]
    raw = _read_gzip(path, layout) if gzipped else _read_plain(path, layout)
    return Scan(
        voxels=Voxels(raw, slope, intercept),
        affine=geometry.affine,
        kind=None,
        header=_header_3d(header, shape),
        name=_stem(path),
        source=path,
        notes=notes,
        measured=geometry.measured,
    )


def scan_of_nibabel(image: Any, pick: Callable[[int, list[str]], int]) -> Scan:
    """Return an image of nibabel as a scan, with its affine and, if it is NIfTI, its header.

    Parameters
    ----------
    image : nibabel spatial image
        In 2 to 4 dimensions.
    pick : callable
        From the number of its volumes, and the notes, to which one to take.
    """
    notes: list[str] = []
    affine = np.asarray(image.affine, np.float64)
    is_nifti = isinstance(image.header, nib.Nifti1Header)
    header = _single_header(image.header) if is_nifti else nifti_header(image.shape, affine)
    geometry = geometry_of(header, notes)
    if usable(affine) is not None and not np.allclose(header.get_best_affine(), affine):
        # The image was given another affine than its file has; nibabel itself does this when it saves.
        header.set_sform(affine, code="aligned")
        header.set_qform(affine, code="unknown")
        notes.clear()
        geometry = geometry_of(header, notes)
    shape = _shape(header)
    taken = pick(shape[3] if len(shape) == 4 else 1, notes)
    try:
        values = np.asanyarray(image.dataobj).reshape((*shape, 1, 1)[:4])
    except FileNotFoundError as error:
        raise InputError("the file with the voxels, which lies beside the header, is missing") from error
    except (*READ_ERRORS, ValueError) as error:  # type: ignore[misc]
        raise InputError(f"the image's file is truncated or damaged ({error}); copy or export it again") from error
    return Scan(
        voxels=Voxels(_scalar(values[..., taken])),
        affine=geometry.affine,
        kind=None,
        header=_header_3d(header, shape),
        name="volume",
        source=Path("volume"),
        notes=notes,
        measured=geometry.measured,
    )


@dataclass(frozen=True)
class _Layout:
    """Where the voxels of one 3D volume lie in the uncompressed file."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    offset: int

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


def _read_header(path: Path) -> tuple[Any, bool]:
    try:
        with path.open("rb") as file:
            gzipped = file.read(2) == b"\x1f\x8b"
        with igzip.open(path) if gzipped else path.open("rb") as file:
            head = file.read(540)
        kind = nib.Nifti2Header if head[4:8] == b"n+2\0" else nib.Nifti1Header
        # nibabel's own checks repair less than `geometry_of`, and print what they do.
        header = kind.from_fileobj(io.BytesIO(head[: kind.sizeof_hdr]), check=False)
        header.get_data_dtype()
        return header, gzipped
    except (*READ_ERRORS, HeaderDataError, WrapStructError, ValueError) as error:  # type: ignore[misc]
        raise InputError(f"damaged NIfTI header ({error}); export the file again") from error


def _single_header(header: Any) -> Any:
    """Return a copy of a header as that of one file with its voxels, where it is one of two files."""
    if header.is_single:
        return header.copy()
    kind = nib.Nifti2Header if isinstance(header, nib.Nifti2Header) else nib.Nifti1Header
    single = kind.from_header(header, check=False)
    single["magic"], single["vox_offset"] = single.single_magic, single.single_vox_offset
    return single


def _shape(header: Any) -> tuple[int, ...]:
    shape = tuple(int(n) for n in header.get_data_shape())
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise InputError(f"NIfTI image of shape {shape}; only 2 to 4 dimensions are supported")
    return shape


def _header_3d(header: Any, shape: tuple[int, ...]) -> Any:
    """Return the header that the heatmap is written with: no free text, which may name the patient."""
    header = header.copy()
    header.set_data_shape(shape[:3])
    for text in ("descrip", "aux_file", "db_name", "data_type", "intent_name"):
        if text in header:
            header[text] = b""
    header.set_intent("none")
    return header


def _offset(header: Any, notes: list[str]) -> int:
    """Return where the voxels start: behind the header, where the file says nothing usable."""
    stated = float(header["vox_offset"])
    if not np.isfinite(stated) or stated < 0:
        notes.append("the header does not say where the voxels start; they are read from behind it")
        return int(header.single_vox_offset)
    return max(int(stated), int(header.sizeof_hdr))


def _read_plain(path: Path, layout: _Layout) -> npt.NDArray[Any] | RawFile:
    if path.stat().st_size < layout.offset + layout.size:
        raise InputError("the file is shorter than its header says; copy or export it again")
    raw = RawFile(path.open("rb"), layout.offset, layout.shape, layout.dtype)
    return raw if layout.size > IN_MEMORY_BYTES and layout.dtype.kind in "iuf" else _scalar(raw[:, :, :])


def _read_gzip(path: Path, layout: _Layout) -> npt.NDArray[Any] | RawFile:
    """Decompress once: small volumes into memory, large ones into a temporary file that vanishes when closed."""
    if layout.offset + layout.size > path.stat().st_size * GZIP_BEST_RATIO:
        raise InputError("the file is shorter than its header says; copy or export it again")
    try:
        with igzip.open(path) as file:
            _skip(file, layout.offset)
            if layout.size > IN_MEMORY_BYTES and layout.dtype.kind in "iuf":
                target = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the scan)
                _copy(file, target, layout.size)
                return RawFile(target, 0, layout.shape, layout.dtype)
            return _scalar(np.frombuffer(_exactly(file, layout.size), layout.dtype).reshape(layout.shape, order="F"))
    except READ_ERRORS as error:
        raise InputError(f"the file is truncated or damaged ({error}); copy or export it again") from error


def _skip(file: IO[bytes], count: int) -> None:
    while count > 0:
        count -= len(_exactly(file, min(count, CHUNK)))


def _copy(file: IO[bytes], target: IO[bytes], count: int) -> None:
    while count > 0:
        chunk = _exactly(file, min(count, CHUNK))
        target.write(chunk)
        count -= len(chunk)
    target.flush()


def _exactly(file: IO[bytes], count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise EOFError("it ends before its last voxel")
    return data


def _scalar(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return colour as its mean and complex values as their magnitude."""
    if values.dtype.fields is not None:
        grey: FloatArray = np.stack([values[name] for name in ("R", "G", "B")]).mean(axis=0, dtype=np.float32)
        return grey
    return np.abs(values).astype(np.float32) if values.dtype.kind == "c" else values


def _stem(path: Path) -> str:
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    return name or "volume"
