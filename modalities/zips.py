"""Zips of photographs, NIfTI files and clouds: unpacked for as long as their inputs live. DICOM stays packed."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from looktwice.core.errors import InputError
from looktwice.modalities.volumes.sniffing import HEAD_BYTES, is_dicom

LARGEST_BYTES = 8 * 2**30
MOST_MEMBERS = 50_000


def unpack(path: Path, suffixes: Sequence[str]) -> TemporaryDirectory[str] | None:
    """Unpack what is not DICOM of a zip that holds files with certain suffixes.

    Parameters
    ----------
    path : Path
    suffixes : sequence of str
        Of inputs, in lower case.

    Returns
    -------
    TemporaryDirectory or None
        Deleted with the object; None where the zip holds no such file.

    Raises
    ------
    InputError
        It is damaged, encrypted, or unpacks to more than can be meant.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                member for member in archive.infolist() if not member.is_dir() and not _is_dicom(archive, member)
            ]
            if not any(member.filename.lower().endswith(tuple(suffixes)) for member in members):
                return None
            if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > LARGEST_BYTES:
                raise InputError("the zip is too large; unpack it and name what to inspect")
            folder = TemporaryDirectory(prefix="looktwice-")
            try:
                for member in members:
                    # Leaves out "..", and drives and roots: nothing is written outside the folder.
                    archive.extract(member, folder.name)
            except BaseException:
                folder.cleanup()
                raise
            return folder
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise InputError(f"the zip is damaged or encrypted ({error}); pack it again") from error
    except (OSError, shutil.Error) as error:
        raise InputError(f"the zip cannot be unpacked ({getattr(error, 'strerror', None) or error})") from error


def _is_dicom(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with archive.open(member) as file:
        return is_dicom(file.read(HEAD_BYTES))
