"""The inspected series, reduced to what derived objects may contain."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import highdicom
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from looktwice.core.errors import InputError
from looktwice.modalities.volumes.dicom_frames import Frame
from looktwice.modalities.volumes.scan import Scan

REFERENCES = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "ImageType",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImagePositionPatient",
    "ImageOrientationPatient",
)
"""Attributes that refer to the series or describe its grid; all that is not named here is left behind."""

GEOMETRY = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")

IDENTIFIERS = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""What the modules Patient and General Study require of every object (PS3.3 C.7.1.1 and C.7.2.1)."""


@dataclass(frozen=True)
class SourceSeries:
    """The images that objects are derived from.

    Attributes
    ----------
    images : list of Dataset
        One an image, in the order of the slices, or a single multi-frame one; without pixels.
    slices : list of int64 arrays
        Voxel indices k that each frame stands for: those that lie next to it, and always at least one. Where frames are
        unevenly spaced, slices in between were interpolated; what was found on them lies on the nearest frame.
    positions : list of PlanePositionSequence
        Of those frames.
    frames : list of Frame

    Examples
    --------
    >>> places = [highdicom.PlanePositionSequence("PATIENT", (0.0, 0.0, 5.0 * k)) for k in range(3)]
    >>> series = SourceSeries([Dataset()] * 3, nearest_slices(np.array([0.0, 1.0, 3.0]), 4), places, frames=[])
    >>> [slices.tolist() for slices in series.slices]
    [[0], [1, 2], [3]]
    >>> kept = series.positions_of(np.array([False, True, True]))
    >>> [float(place[0].ImagePositionPatient[2]) for place in kept]
    [5.0, 10.0]
    """

    images: list[Dataset]
    slices: list[npt.NDArray[np.int64]]
    positions: list[highdicom.PlanePositionSequence]
    frames: list[Frame]

    def positions_of(self, kept: npt.NDArray[np.bool_]) -> list[highdicom.PlanePositionSequence]:
        """Return the positions of some of the frames."""
        return [position for position, keep in zip(self.positions, kept, strict=True) if keep]


def source_series(scan: Scan, keep_identifiers: bool) -> SourceSeries:
    """Return the series behind a scan.

    Parameters
    ----------
    keep_identifiers : bool
        Keep patient and study as they are, as a PACS needs them to file the objects; otherwise they are emptied, and
        name and ID replaced by a pseudonym that is the same for every series of one study.

    Raises
    ------
    InputError
        The scan is no DICOM series, or one that states no positions.
    """
    frames = scan.frames
    if not frames:
        raise InputError(f"{scan.source}: DICOM objects can be written only for DICOM input")
    if any(frame.position is None or not frame.reference for frame in frames):
        raise InputError(f"{scan.source}: the series states no positions, so no DICOM object can refer to them")
    if not scan.measured:
        raise InputError(f"{scan.source}: the series states no pixel size, so no DICOM object can lie on it")
    if len({frame.series for frame in frames}) > 1 or len({(one.instance, one.number) for one in frames}) < len(frames):
        raise InputError(f"{scan.source}: the images' UIDs are not those of one series, so no object can refer to them")
    files = list(dict.fromkeys(frame.file for frame in frames))
    if 1 < len(files) < len(frames):
        raise InputError(f"{scan.source}: the series consists of several multi-frame objects; choose one of them")
    images = [reduced(file.read(header_only=True), keep_identifiers) for file in files]
    thickness = float(np.linalg.norm(scan.affine[:3, 2]))
    for image in images:
        if not image.get("SliceThickness"):  # every object states one
            image.SliceThickness = round(thickness, 6)
    positions = [highdicom.PlanePositionSequence("PATIENT", frame.position or ()) for frame in frames]
    return SourceSeries(images, nearest_slices(scan.planes, scan.voxels.shape[2]), positions, frames)


def nearest_slices(planes: npt.NDArray[np.float64], count: int) -> list[npt.NDArray[np.int64]]:
    """Return which of `count` slices each frame stands for, from where the frames lie along the last axis.

    Each slice belongs to the frame that is nearest to it; a frame that is nearest to none takes the one nearest to it.
    """
    slices = np.arange(count)
    owner = np.abs(slices[:, None] - planes[None]).argmin(axis=1)
    owned = [slices[owner == number] for number in range(len(planes))]
    nearest = np.clip(np.rint(planes).astype(np.int64), 0, count - 1)
    return [own if own.size else nearest[number : number + 1] for number, own in enumerate(owned)]


def reduced(dataset: Dataset, keep_identifiers: bool) -> Dataset:
    """Return a data set with references, grid and, where asked for, identifiers of `dataset`, and nothing else."""
    kept = Dataset()
    for keyword in (*REFERENCES, *(IDENTIFIERS if keep_identifiers else ())):
        if keyword in dataset:
            kept[keyword] = dataset[keyword]
    for sequence in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        if sequence in dataset:
            setattr(kept, sequence, [_geometry(group) for group in dataset[sequence].value])
    if not keep_identifiers:
        pseudonym = hashlib.sha256(str(dataset.get("StudyInstanceUID", "")).encode()).hexdigest()[:12]
        kept.PatientName, kept.PatientID = f"anonymous^{pseudonym}", f"anonymous-{pseudonym}"
    for keyword in IDENTIFIERS[1:]:
        if keyword not in kept:
            setattr(kept, keyword, None)
    return kept


def _geometry(group: Dataset) -> Dataset:
    kept = Dataset()
    for keyword in GEOMETRY:
        if keyword in group:
            kept[keyword] = group[keyword]
    return kept
