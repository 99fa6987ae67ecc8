"""Detecting the volume format of a file or folder from its content, without heavy imports."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from looktwice.modalities.memory import comes_from, is_array, is_tensor

HEAD_BYTES = 352
FILES_TRIED = 64
"""Files of a folder, or members of a zip, that are looked at before it is called no DICOM series."""


MGH_HEADER_BYTES, MGH_TYPES = 284, (0, 1, 3, 4, 10)
PAIR_HEADERS = tuple(size.to_bytes(4, order) for size in (348, 540) for order in ("little", "big"))  # type: ignore[arg-type]
"""The first bytes of headers of Analyze and NIfTI: their own size."""


class VolumeFormat(str, Enum):
    """The file formats of volumes."""

    NIFTI = "nifti"
    DICOM = "dicom"
    NRRD = "nrrd"
    METAIMAGE = "metaimage"
    OTHER = "other"


def is_volume(path: Path) -> bool:
    """Tell whether `path` holds a CT/MRI volume: NIfTI, NRRD, MetaImage, DICOM or another format of nibabel's.

    At most the head of a few files is read; a file that cannot be read is no volume.
    """
    found = volume_format(path)
    if found is VolumeFormat.DICOM and path.is_file() and is_dicom(head_of(path)):
        return not is_dicom_picture(path)
    return found is not None


def is_dicom_picture(path: Path) -> bool:
    """Tell whether a DICOM file is a picture (a radiograph, an ultrasound, a screenshot) and no slice of a volume."""
    from pydicom import dcmread

    from looktwice.modalities.volumes.dicom_kinds import discreet, is_picture

    try:
        with discreet():
            return is_picture(dcmread(path, stop_before_pixels=True, force=True))
    except Exception:  # what cannot be parsed is refused by the reader of volumes, in one line
        return False


def volume_format(path: Path) -> VolumeFormat | None:
    """Return the format of the volume in `path`, or None."""
    try:
        if path.is_dir():
            return VolumeFormat.DICOM if dicom_files(path) else None
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if head.startswith(b"PK\x03\x04"):
            return VolumeFormat.DICOM if _zip_holds_dicom(path) else None
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path) as inner:
                head = inner.read(HEAD_BYTES)
            if _is_nifti(head):
                return VolumeFormat.NIFTI
            return VolumeFormat.OTHER if is_other_format(head, path.suffix) else None
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return None
    return _format_of(head, path.suffix)


def dicom_files(folder: Path) -> list[Path]:
    """Return the files of a DICOM series folder, or an empty list when `folder` is none.

    A folder is one when half of the files that lie directly in it are DICOM, or when a single subfolder leads to one.
    With a DICOMDIR all files below it belong to it.
    """
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    # Philips' media call it DIRFILE; copies of media are often in small letters.
    if any(entry.name.upper() in ("DICOMDIR", "DIRFILE") and entry.is_file() for entry in entries):
        found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return [path for path in found if path.name.upper() not in ("DICOMDIR", "DIRFILE")]
    files = [entry for entry in entries if entry.is_file()]
    tried = [is_dicom(head_of(path)) for path in files[:FILES_TRIED]]
    if 2 * sum(tried) >= max(1, len(tried)):
        return files
    folders = [entry for entry in entries if entry.is_dir()]
    return dicom_files(folders[0]) if len(folders) == 1 and not files else []


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


def is_dicom(head: bytes) -> bool:
    """Tell DICOM with the preamble of PS3.10, or a bare data set that begins with group 0002 or 0008."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 16:
        return False
    for order in ("little", "big"):
        group, element = (int.from_bytes(head[at : at + 2], order) for at in (0, 2))  # type: ignore[arg-type]
        if group in (0x0002, 0x0008) and element <= 0x0018:
            explicit = head[4:6] in (b"UL", b"UI", b"OB", b"CS", b"DA", b"TM", b"DT", b"SH", b"LO", b"ST")
            length = int.from_bytes(head[4:8], order)  # type: ignore[arg-type]
            return explicit or (0 < length <= 256 and length % 2 == 0)
    return False


def _is_nifti(head: bytes) -> bool:
    return head[344:348] == b"n+1\0" or head[4:12] == b"n+2\0\r\n\x1a\n"


def _is_metaimage(head: bytes) -> bool:
    first_key = head.split(b"=", 1)[0].strip()
    described = b"ObjectType = Image" in head or b"DimSize" in head
    return first_key in (b"ObjectType", b"Comment", b"NDims") and b"NDims" in head and described


def is_other_format(head: bytes, suffix: str) -> bool:
    """Tell the other formats that nibabel reads: FreeSurfer's, headers of Analyze, NIfTI pairs, PAR/REC, AFNI, MINC.

    The ending counts only for headers that lie beside a file of voxels, and for MINC in its general container.
    """
    if head.startswith(b"\0\0\0\1") and len(head) >= MGH_HEADER_BYTES:
        sizes = [int.from_bytes(head[at : at + 4], "big") for at in range(4, 24, 4)]
        return all(0 < size < 2**20 for size in sizes[:4]) and sizes[4] in MGH_TYPES
    if suffix.lower() == ".hdr":
        return head[:4] in PAIR_HEADERS and head[344:348] != b"n+1\0"
    if head.startswith(b"# === DATA DESCRIPTION FILE"):
        return True
    if suffix == ".mnc":
        return head.startswith((b"CDF\x01", b"\x89HDF\r\n\x1a\n"))
    return head.lstrip().startswith(b"type") and b"-attribute" in head[:64]


def _format_of(head: bytes, suffix: str) -> VolumeFormat | None:
    if _is_nifti(head):
        return VolumeFormat.NIFTI
    if head.startswith(b"NRRD000"):
        return VolumeFormat.NRRD
    if _is_metaimage(head):
        return VolumeFormat.METAIMAGE
    if is_dicom(head):
        return VolumeFormat.DICOM
    return VolumeFormat.OTHER if is_other_format(head, suffix) else None


def _zip_holds_dicom(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()][:FILES_TRIED]
        for member in members:
            with archive.open(member) as file:
                if is_dicom(file.read(HEAD_BYTES)):
                    return True
    return False


def takes_volume(data: Any, options: Mapping[str, Any]) -> bool:
    """Tell whether an object in memory is a volume, or an array that might be one and no picture.

    Arrays and tensors are volumes where `options` give an affine or a spacing.
    """
    if comes_from(data, "nibabel") or comes_from(data, "monai"):
        return True
    if comes_from(data, "SimpleITK"):
        return bool(data.GetDimension() > 2)
    if not is_array(data):
        return False
    if options.get("affine") is not None or options.get("spacing") is not None:
        return True
    channels = data.shape[0 if is_tensor(data) else -1] if data.ndim == 3 else None
    return data.ndim == 3 and channels not in (1, 3, 4)
