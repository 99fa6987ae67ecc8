"""Finding the DICOM files of a folder, a zip or a single file; zips are never unpacked to disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from looktwice.core.errors import InputError
from looktwice.modalities.volumes.dicom_directory import files_of_directory, is_directory
from looktwice.modalities.volumes.sniffing import HEAD_BYTES, dicom_files, head_of, is_dicom

LARGEST_ZIP_BYTES = 16 * 2**30
LARGEST_MEMBER_BYTES = 4 * 2**30
MOST_MEMBERS = 50_000


@dataclass(frozen=True)
class DicomFile:
    """One DICOM file on disk or inside a zip.

    Attributes
    ----------
    container : Path
        The file itself, or the zip.
    member : str or None
        The name inside the zip; used to ask the zip for it and for nothing else.

    Examples
    --------
    >>> from pydicom.data import get_testdata_file
    >>> slice_ = DicomFile(Path(get_testdata_file("CT_small.dcm", download=False)))
    >>> header = slice_.read(header_only=True)
    >>> header.Modality, header.Rows, "PixelData" in header
    ('CT', 128, False)
    """

    container: Path
    member: str | None = None

    def read(self, header_only: bool = False) -> FileDataset:
        """Parse the file; with `header_only`, up to the pixels."""
        with self._open() as stream:
            dataset = pydicom.dcmread(stream, stop_before_pixels=header_only, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            # A bare data set has the default syntax, implicit little endian (PS3.5 10.1), or the one it was found in.
            implicit, little = dataset.original_encoding
            explicit = ExplicitVRLittleEndian if little is not False else ExplicitVRBigEndian
            dataset.file_meta.TransferSyntaxUID = explicit if implicit is False else ImplicitVRLittleEndian
        return dataset

    def content(self) -> bytes:
        """Return all bytes of the file."""
        with self._open() as stream:
            return stream.read()

    def _open(self) -> BinaryIO:
        if self.member is None:
            return self.container.open("rb")
        with zipfile.ZipFile(self.container) as archive:
            return io.BytesIO(archive.read(self.member))


def find_dicom_files(path: Path) -> list[DicomFile]:
    """Return the DICOM files in `path`, in the order of their names; other files are passed over.

    Raises
    ------
    InputError
        The zip is damaged, encrypted, or unpacks to more than can be a scan.
    """
    if path.is_dir():
        return [DicomFile(file) for file in dicom_files(path) if is_dicom(head_of(file))]
    if is_directory(path):
        return [DicomFile(file) for file in files_of_directory(path)[0]]
    if zipfile.is_zipfile(path):
        try:
            return _members(path)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
            raise InputError(f"the zip is damaged or encrypted ({error}); pack it again") from error
    return [DicomFile(path)]


def _members(path: Path) -> list[DicomFile]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        sizes = [member.file_size for member in members]
        if len(members) > MOST_MEMBERS or sum(sizes) > LARGEST_ZIP_BYTES or max(sizes) > LARGEST_MEMBER_BYTES:
            raise InputError("the zip is too large for one scan; unpack it and choose a series")
        found = []
        for member in sorted(members, key=lambda member: member.filename):
            with archive.open(member) as file:
                if is_dicom(file.read(HEAD_BYTES)):
                    found.append(DicomFile(path, member.filename))
        return found
