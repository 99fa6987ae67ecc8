"""Read a volume of any supported format; the readers are imported when one is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from looktwice.core.errors import InputError
from looktwice.modalities.isolation import read_apart
from looktwice.modalities.volumes.scan import Scan
from looktwice.modalities.volumes.sniffing import VolumeFormat, volume_format

if TYPE_CHECKING:
    from looktwice.modalities.volumes.dicom_grouping import Series


def read_scan(path: Path, channel: int | None = None, series: Series | None = None) -> Scan:
    """Read one volume with the reader for its content; those that run native code read apart.

    Raises
    ------
    InputError
        It is no volume, or cannot be read; in one line, whatever the library behind it raised.
    """
    try:
        return _read(path, channel, series)
    except (InputError, OSError, MemoryError):
        raise
    except Exception as error:  # readers meet headers that no list of exceptions foresees
        # Their words may quote the header, and with it the patient.
        message = f"the file or its header is damaged ({type(error).__name__}); export it again, or convert it to NIfTI"
        raise InputError(message) from error


def _way_out(path: Path) -> str:
    if path.suffix.lower() == ".img" and any(path.with_suffix(end).exists() for end in (".hdr", ".HDR")):
        return "the voxels of an image in two files; give the .hdr file beside it"
    return (
        "not a CT or MRI volume; supported formats are NIfTI, DICOM, NRRD, MetaImage, FreeSurfer (.mgz), "
        "Analyze (.hdr), PAR/REC, AFNI and MINC 1"
    )


def _read(path: Path, channel: int | None, series: Series | None) -> Scan:
    kind = VolumeFormat.DICOM if series is not None else volume_format(path)
    if kind is VolumeFormat.NIFTI:
        from looktwice.modalities.volumes.nifti import read_nifti

        return read_nifti(path, channel)
    if kind is VolumeFormat.DICOM:
        from looktwice.modalities.volumes.dicom import read_dicom

        return read_apart(read_dicom, path, channel, series)
    if kind is VolumeFormat.OTHER:
        from looktwice.modalities.volumes.nibabel_formats import read_with_nibabel

        return read_with_nibabel(path, channel)
    if kind is None:
        raise InputError(_way_out(path))
    from looktwice.modalities.volumes.itk import read_itk

    return read_apart(read_itk, path, kind, channel)
