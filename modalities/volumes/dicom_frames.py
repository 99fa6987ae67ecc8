"""The image frames of DICOM files, in one form for classic single-frame and enhanced multi-frame objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from looktwice.modalities.volumes.dicom_files import DicomFile
from looktwice.modalities.volumes.dicom_kinds import is_image, is_mosaic, is_picture, value, words

LEAST_COSINES = 0.9
"""Direction cosines that are shorter, or that are farther from right angles, are none."""


@dataclass(frozen=True)
class Frame:
    """One slice as its header describes it.

    Attributes
    ----------
    file : DicomFile
    number : int
        Position in the file, from 0.
    instance, series, study, reference : str
        UIDs of the object, its series, its study and its frame of reference ("" if there is none).
    modality : str
    rows, columns : int
    position : (x, y, z) or None
        Centre of the first pixel, LPS millimetres.
    orientation : six floats or None
        Direction cosines along a row, then along a column.
    pixel_spacing : (float, float) or None
        Millimetres between rows, then between columns.
    thickness : float or None
        Millimetres between slices where only one is at hand.
    slope, intercept : float
    padding : (int, int) or None
        Stored values, from the first to the second, that stand for what was not imaged.
    order : tuple of float
        Acquisition, time point, echo and instance number: the order of frames that lie at one place.
    localizer, picture, mosaic, burned_in : bool
        A scout; no slice of a volume; all slices tiled in one picture; text in the pixels.
    body_part : str
    hounsfield : bool
        A CT value in HU, as far as the header says.

    Examples
    --------
    >>> from pathlib import Path
    >>> from pydicom.data import get_testdata_file
    >>> (frame,) = read_frames(DicomFile(Path(get_testdata_file("CT_small.dcm", download=False))))
    >>> frame.modality, (frame.rows, frame.columns), frame.thickness, frame.hounsfield
    ('CT', (128, 128), 5.0, True)
    """

    file: DicomFile
    number: int
    instance: str
    series: str
    study: str
    reference: str
    modality: str
    rows: int
    columns: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, float] | None
    thickness: float | None
    slope: float
    intercept: float
    padding: tuple[int, int] | None
    order: tuple[float, ...]
    localizer: bool
    picture: bool
    mosaic: bool
    burned_in: bool
    body_part: str
    hounsfield: bool


def read_frames(file: DicomFile) -> list[Frame]:
    """Return the frames of one file from its header; empty if it is no image or cannot be parsed."""
    try:
        dataset = file.read(header_only=True)
        if not is_image(dataset):
            return []
        count = max(1, int(value(dataset, "NumberOfFrames") or 1))
        return [_frame(file, dataset, number) for number in range(count)]
    except (InvalidDicomError, OSError, EOFError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return []


def _frame(file: DicomFile, dataset: Dataset, number: int) -> Frame:
    look = _Lookup(dataset, number)
    spacing = look("PixelMeasuresSequence", "PixelSpacing") or value(dataset, "ImagerPixelSpacing")
    gaps = [look("PixelMeasuresSequence", name) for name in ("SpacingBetweenSlices", "SliceThickness")]
    slope = _number(look("PixelValueTransformationSequence", "RescaleSlope"))
    intercept = _number(look("PixelValueTransformationSequence", "RescaleIntercept"))
    rescale_type = look("PixelValueTransformationSequence", "RescaleType")
    modality = str(value(dataset, "Modality") or "")
    localizer = "LOCALIZER" in words(dataset, "ImageType")
    return Frame(
        file=file,
        number=number,
        instance=str(value(dataset, "SOPInstanceUID") or ""),
        series=str(value(dataset, "SeriesInstanceUID") or ""),
        study=str(value(dataset, "StudyInstanceUID") or ""),
        reference=str(value(dataset, "FrameOfReferenceUID") or ""),
        modality=modality,
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        position=_floats(look("PlanePositionSequence", "ImagePositionPatient"), 3),
        orientation=_directions(look("PlaneOrientationSequence", "ImageOrientationPatient")),
        pixel_spacing=_sizes(spacing),
        thickness=next((abs(gap) for gap in map(_number, gaps) if gap), None),
        slope=slope or 1.0,
        intercept=intercept or 0.0,
        padding=_padding(dataset),
        order=_order(dataset, look, number),
        localizer=localizer,
        picture=is_picture(dataset),
        mosaic=is_mosaic(dataset),
        burned_in=str(value(dataset, "BurnedInAnnotation") or "").upper() == "YES",
        body_part=str(value(dataset, "BodyPartExamined") or "").upper(),
        # A scout is a projection: its values are no HU, whatever its header says.
        hounsfield=modality == "CT" and rescale_type in (None, "HU") and intercept is not None and not localizer,
    )


@dataclass(frozen=True)
class _Lookup:
    """Attributes of one frame: of its own functional groups, the shared ones, or the object itself (PS3.3 C.7.6.16)."""

    dataset: Dataset
    number: int

    def __call__(self, sequence: str, attribute: str) -> Any:
        per_frame = self.dataset.get("PerFrameFunctionalGroupsSequence") or []
        shared = self.dataset.get("SharedFunctionalGroupsSequence") or []
        groups = [*per_frame[self.number : self.number + 1], *shared[:1]]
        for group in groups:
            items = group.get(sequence)
            found = value(items[0], attribute) if items else None
            if found is not None:
                return found
        return value(self.dataset, attribute)


def _order(dataset: Dataset, look: _Lookup, number: int) -> tuple[float, ...]:
    values = (
        value(dataset, "AcquisitionNumber"),
        look("FrameContentSequence", "TemporalPositionIndex") or value(dataset, "TemporalPositionIdentifier"),
        look("MREchoSequence", "EffectiveEchoTime") or value(dataset, "EchoTime"),
        value(dataset, "InstanceNumber"),
        number,
    )
    return tuple(_number(one) or 0.0 for one in values)


def _number(found: Any) -> float | None:
    """Return a finite float, or None where the header holds anything else."""
    try:
        number = float(found)
    except (ValueError, TypeError):
        return None
    return number if np.isfinite(number) else None


def _floats(found: Any, count: int) -> tuple[float, ...] | None:
    """Return `count` finite floats, or None where the header holds anything else."""
    if not isinstance(found, Sequence) or isinstance(found, str) or len(found) != count:
        return None
    numbers = [number for number in map(_number, found) if number is not None]
    return tuple(numbers) if len(numbers) == count else None


def _directions(found: Any) -> tuple[float, ...] | None:
    """Return two directions of length 1, or None where they are none."""
    numbers = _floats(found, 6)
    if numbers is None:
        return None
    along_row, along_column = np.array(numbers[:3]), np.array(numbers[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if min(lengths) < LEAST_COSINES or max(lengths) > 1 / LEAST_COSINES:
        return None
    if np.linalg.norm(np.cross(along_row, along_column)) < LEAST_COSINES * lengths[0] * lengths[1]:
        return None
    return numbers


def _sizes(found: Any) -> tuple[float, float] | None:
    """Return two lengths above 0, or None where the header holds anything else."""
    numbers = _floats(found, 2)
    if numbers is None or 0.0 in numbers:
        return None
    return abs(numbers[0]), abs(numbers[1])


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    """Return the first and the last stored value of padding (PS3.3 C.7.5.1.1.2), as the pixels are signed."""
    limits = [_number(value(dataset, keyword)) for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if limits[0] is None:
        return None
    first, last = (int(limits[0] if limit is None else limit) for limit in limits)
    values = 2 ** int(value(dataset, "BitsAllocated") or 16)
    lowest = -values // 2 if value(dataset, "PixelRepresentation") else 0
    # Padding is often written with the other sign than the pixels: 63536 stands for -2000.
    wrapped = [(one - lowest) % values + lowest for one in (first, last)]
    return min(wrapped), max(wrapped)
