"""Which DICOM files make one series: by UID, and by geometry where UIDs cannot be trusted."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from looktwice.core.errors import InputError
from looktwice.modalities.base import Gathered
from looktwice.modalities.naming import short
from looktwice.modalities.volumes.dicom_directory import files_of_directory, is_directory
from looktwice.modalities.volumes.dicom_files import DicomFile, find_dicom_files
from looktwice.modalities.volumes.dicom_groups import FEWEST_JOINED
from looktwice.modalities.volumes.dicom_kinds import discreet, is_image
from looktwice.modalities.volumes.sniffing import VolumeFormat, volume_format

NO_IMAGES = "DICOM objects without an image"


@dataclass(frozen=True)
class Series:
    """The files of one series.

    Attributes
    ----------
    uid : str
        Of the series; made from those of its images where each has one of its own.
    files : tuple of DicomFile

    Examples
    --------
    >>> Series("1.2.3", (DicomFile(Path("IM1")), DicomFile(Path("IM2")))).uid
    '1.2.3'
    """

    uid: str
    files: tuple[DicomFile, ...]


@dataclass(frozen=True)
class _Image:
    """What the header of one file says of where it belongs."""

    at: Path
    file: DicomFile
    study: str
    series: str
    instance: tuple[str, ...]
    modality: str
    grid: tuple[object, ...]
    place: tuple[float, ...]
    frames: int
    is_image: bool

    @property
    def folder(self) -> str:
        inside = self.file.member
        return str(self.file.container.parent if inside is None else (self.file.container / inside).parent)


def gather_series(paths: Sequence[Path]) -> list[Gathered]:
    """Bring the DICOM files among volumes together to series, wherever they lie; other volumes stay single.

    Parameters
    ----------
    paths : sequence of Path
        Volumes of every format: DICOM files, DICOMDIRs and zips among them.

    Returns
    -------
    list of Gathered
        Identical files that were met twice are left out. What has the UIDs of a series and another content is a
        series of its own.
    """
    images: list[_Image] = []
    gathered: list[Gathered] = []
    seen: set[tuple[Path, str | None]] = set()
    with discreet():
        for path in paths:
            if volume_format(path) is not VolumeFormat.DICOM:
                gathered.append(Gathered(path, path, (path,)))
                continue
            files, problem = _files_in(path)
            if problem:
                gathered.append(Gathered(path, path, (path,), problem=problem))
            for file in files:
                key = file.container.resolve(), file.member
                if key not in seen:
                    seen.add(key)
                    image = _read(path, file)
                    gathered += [] if image else [_unreadable(path, file)]
                    images += [image] if image else []
    objects = [image for image in images if not image.is_image]
    gathered += [Gathered(one.at, one.at, (one.file.container,), passed_over=NO_IMAGES) for one in objects]
    return gathered + group_series([image for image in images if image.is_image])


def group_series(images: Sequence[_Image]) -> list[Gathered]:
    """Group images to series by UID, each in order of first appearance, and by geometry where UIDs say nothing."""
    by_uid: dict[str, list[_Image]] = defaultdict(list)
    for image in images:
        by_uid[image.series or f"no UID: {image.folder} {image.grid}"].append(image)
    parts: list[tuple[list[_Image], list[str]]] = []
    for group in by_uid.values():
        parts += _told_apart(group)
    return [_gathered(group, notes) for group, notes in _joined_by_geometry(parts)]


def series_name(modality: str, uid: str) -> str:
    """Return a name that is stable for a series and tells nothing about the patient."""
    kind = modality.lower() if re.fullmatch(r"[A-Z]{2}", modality) else "scan"
    return f"{kind}-{short(uid)}"


def _files_in(path: Path) -> tuple[list[DicomFile], str]:
    """Return the DICOM files that a path stands for, and what is wrong with it."""
    try:
        if is_directory(path):
            found, missing = files_of_directory(path)
            problem = f"{missing} files that this DICOMDIR names are missing; copy the whole medium" if missing else ""
            return [DicomFile(one) for one in found], problem
        return find_dicom_files(path), ""
    except (InputError, OSError) as error:
        return [], str(error)


def _unreadable(path: Path, file: DicomFile) -> Gathered:
    name = Path(file.member).name if file.member else ""
    problem = f"{name and name + ': '}the DICOM header is damaged; export the file again"
    return Gathered(path, path, (path,), problem=problem)


def _read(at: Path, file: DicomFile) -> _Image | None:
    """Return what a header says; None if it cannot be parsed."""
    try:
        header = file.read(header_only=True)
        # pydicom reads on through what is no data set at all.
        says_something = any(header.get(fact) for fact in ("SOPClassUID", "Modality", "Rows"))
        return _image(at, file, header) if says_something else None
    except Exception:  # pydicom raises errors of every kind on damaged headers
        return None


def _image(at: Path, file: DicomFile, header: Dataset) -> _Image:
    position, orientation = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    place = tuple(float(value) for value in position) if position else ()
    modality = str(header.get("Modality") or "")
    facts = ("SOPInstanceUID", "InstanceNumber", "AcquisitionNumber", "TemporalPositionIdentifier", "EchoTime")
    return _Image(
        at,
        file,
        study=str(header.get("StudyInstanceUID") or ""),
        series=str(header.get("SeriesInstanceUID") or ""),
        instance=(*(str(header.get(fact) or "") for fact in facts), str(place)),
        modality=modality,
        grid=(
            modality,
            int(header.get("Rows") or 0),
            int(header.get("Columns") or 0),
            str(header.get("FrameOfReferenceUID") or ""),
            tuple(np.round([float(value) for value in orientation], 2)) if orientation else (),
        ),
        place=place,
        frames=int(header.get("NumberOfFrames") or 1),
        is_image=is_image(header),
    )


def _told_apart(images: list[_Image]) -> list[tuple[list[_Image], list[str]]]:
    """Leave out identical files, and part what shares its UIDs but not its content: first by folder."""
    kept, twice = [], 0
    contents: dict[tuple[str, ...], set[bytes]] = defaultdict(set)
    for same in _by_instance(images):
        for image in same:
            content = _content(image.file) if len(same) > 1 else b""
            twice += content in contents[image.instance]
            kept += [] if content in contents[image.instance] else [image]
            contents[image.instance].add(content)
    notes = [f"{twice} identical images were met twice"] if twice else []
    order = {id(image): index for index, image in enumerate(images)}
    kept.sort(key=lambda image: order[id(image)])
    if len(contents) == len(kept):
        return [(kept, notes)]
    notes.append("another series has the same UIDs and other images; each is inspected by itself")
    by_folder: dict[str, list[_Image]] = defaultdict(list)
    for image in kept:
        by_folder[image.folder].append(image)
    return [(part, notes) for group in by_folder.values() for part in _rounds(group)]


def _by_instance(images: Iterable[_Image]) -> list[list[_Image]]:
    groups: dict[tuple[str, ...], list[_Image]] = defaultdict(list)
    for image in images:
        groups[image.instance].append(image)
    return list(groups.values())


def _rounds(images: list[_Image]) -> list[list[_Image]]:
    """Return the first image of every instance, then the second of each, and so on."""
    groups = _by_instance(images)
    most = max(len(group) for group in groups)
    return [[group[number] for group in groups if number < len(group)] for number in range(most)]


def _content(file: DicomFile) -> bytes:
    return hashlib.sha256(file.content()).digest()


def _joined_by_geometry(
    parts: list[tuple[list[_Image], list[str]]],
) -> list[tuple[list[_Image], list[str]]]:
    """Join series of one image each that lie in one folder, on one grid and at places of their own."""
    alone: dict[object, list[int]] = defaultdict(list)
    for index, (group, _) in enumerate(parts):
        first = group[0]
        if len(group) == 1 and first.frames == 1 and first.place and first.grid[3]:
            alone[first.folder, first.study, first.grid].append(index)
    joined = dict(enumerate(parts))
    for indices in alone.values():
        images = [parts[index][0][0] for index in indices]
        if len(indices) < FEWEST_JOINED or len({image.place for image in images}) < len(images):
            continue
        note = "each image has a series UID of its own; joined by frame of reference and geometry"
        joined[indices[0]] = images, [note]
        for index in indices[1:]:
            del joined[index]
    return list(joined.values())


def _gathered(images: list[_Image], notes: list[str]) -> Gathered:
    first = images[0]
    uids = sorted({image.series for image in images})
    uid = uids[0] if len(uids) == 1 else hashlib.sha256(" ".join(uids).encode()).hexdigest()
    files = tuple(dict.fromkeys(image.file.container for image in images))
    count = sum(image.frames for image in images)
    return Gathered(
        _source(files),
        at=first.at,
        files=files,
        identity=uid,
        options={"series": Series(uid, tuple(image.file for image in images))},
        group=first.study,
        name=series_name(first.modality, uid or first.instance[0]),
        about=f"{first.modality or 'unknown modality'}, {count} image{'s' if count != 1 else ''}",
        notes=tuple(notes),
    )


def _source(files: tuple[Path, ...]) -> Path:
    """Return the one file, or the folder that holds all."""
    if len(files) == 1:
        return files[0]
    folders = {file.parent for file in files}
    return folders.pop() if len(folders) == 1 else Path(os.path.commonpath([file.absolute() for file in files]))
