"""DICOMDIR: the directory of a medium, and the files that it names."""

from __future__ import annotations

from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import MediaStorageDirectoryStorage


def is_directory(path: Path) -> bool:
    """Tell whether a file is a DICOMDIR, whatever it is called."""
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
    except (InvalidDicomError, OSError, ValueError, AttributeError, KeyError, EOFError):
        return False
    return bool(meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage)


def files_of_directory(path: Path) -> tuple[list[Path], int]:
    """Return the files that a DICOMDIR names and that are there, in its order, and how many are not.

    Names are matched whatever their case: media are written in capitals and often copied in small letters.
    """
    found, missing = [], 0
    for record in pydicom.dcmread(path).get("DirectoryRecordSequence") or []:
        named = record.get("ReferencedFileID")
        if not named:
            continue
        file = _resolve(path.parent, [named] if isinstance(named, str) else list(named))
        if file is None:
            missing += 1
        else:
            found.append(file)
    return found, missing


def _resolve(folder: Path, parts: list[str]) -> Path | None:
    for part in parts:
        if part in ("", ".", ".."):
            return None
        if not (folder / part).exists():
            try:
                same = [entry for entry in folder.iterdir() if entry.name.lower() == part.lower()]
            except OSError:
                return None
            if not same:
                return None
            folder = same[0]
        else:
            folder = folder / part
    return folder if folder.is_file() else None
