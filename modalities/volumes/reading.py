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
    """Read one volume with the reader for its content; those that run native code read apart."""
    kind = VolumeFormat.DICOM if series is not None else volume_format(path)
    if kind is VolumeFormat.NIFTI:
        from looktwice.modalities.volumes.nifti import read_nifti

        return read_nifti(path, channel)
    if kind is VolumeFormat.DICOM:
        from looktwice.modalities.volumes.dicom import read_dicom

        return read_apart(read_dicom, path, channel, series)
    if kind is None:
        raise InputError("not a CT or MRI volume; supported formats are NIfTI, DICOM, NRRD and MetaImage")
    from looktwice.modalities.volumes.itk import read_itk

    return read_apart(read_itk, path, kind, channel)
