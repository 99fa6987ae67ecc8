"""The image frames of DICOM files, in one form for classic single-frame and enhanced multi-frame objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from looktwice.modalities.volumes.dicom_files import DicomFile

IMAGE_MODALITIES_LEFT_OUT = {"SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "SR", "PR", "KO", "OT", "DOC", "REG", "FID", "AU"}
"""Objects that lie beside a series and are no scan; "OT" is what secondary captures call themselves."""


@dataclass(frozen=True)
class Frame:
    """One slice as its header describes it.

    Attributes
    ----------
    file : DicomFile
    number : int
        Position in the file, from 0.
    instance, series, reference : str
        UIDs of the object, its series and its frame of reference ("" if there is none).
    modality : str
    rows, columns : int
    position : (x, y, z) or None
        Centre of the first pixel, LPS millimetres.
    orientation : six floats or None
        Direction cosines along a row, then along a column.
    pixel_spacing : (float, float)
        Millimetres between rows, then between columns.
    thickness : float
        Millimetres between slices where only one is at hand.
    slope, intercept : float
    order : tuple of float
        Acquisition, time point, echo and instance number: the order of frames that lie at one place.
    localizer, inverted, burned_in : bool
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
    reference: str
    modality: str
    rows: int
    columns: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, float]
    thickness: float
    slope: float
    intercept: float
    order: tuple[float, ...]
    localizer: bool
    inverted: bool
    burned_in: bool
    body_part: str
    hounsfield: bool


def read_frames(file: DicomFile) -> list[Frame]:
    """Return the frames of one file from its header; empty if it is no grey image or cannot be parsed."""
    try:
        dataset = file.read(header_only=True)
        if not _is_grey_image(dataset):
            return []
        count = int(dataset.get("NumberOfFrames") or 1)
        return [_frame(file, dataset, number) for number in range(count)]
    except (InvalidDicomError, OSError, EOFError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        return []


def _is_grey_image(dataset: Dataset) -> bool:
    return (
        bool(dataset.get("Rows"))
        and bool(dataset.get("Columns"))
        and int(dataset.get("SamplesPerPixel") or 1) == 1
        and str(dataset.get("PhotometricInterpretation", "MONOCHROME2")).startswith("MONOCHROME")
        and str(dataset.get("Modality", "")) not in IMAGE_MODALITIES_LEFT_OUT
    )


def _frame(file: DicomFile, dataset: Dataset, number: int) -> Frame:
    look = _Lookup(dataset, number)
    position = look("PlanePositionSequence", "ImagePositionPatient")
    orientation = look("PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = look("PixelMeasuresSequence", "PixelSpacing") or dataset.get("ImagerPixelSpacing") or (1.0, 1.0)
    gap = look("PixelMeasuresSequence", "SpacingBetweenSlices")
    gap = gap or look("PixelMeasuresSequence", "SliceThickness") or 1.0
    slope = look("PixelValueTransformationSequence", "RescaleSlope")
    intercept = look("PixelValueTransformationSequence", "RescaleIntercept")
    rescale_type = look("PixelValueTransformationSequence", "RescaleType")
    modality = str(dataset.get("Modality", ""))
    return Frame(
        file=file,
        number=number,
        instance=str(dataset.get("SOPInstanceUID", "")),
        series=str(dataset.get("SeriesInstanceUID", "")),
        reference=str(dataset.get("FrameOfReferenceUID", "")),
        modality=modality,
        rows=int(dataset.Rows),
        columns=int(dataset.Columns),
        position=_floats(position, 3),
        orientation=_floats(orientation, 6),
        pixel_spacing=(abs(float(spacing[0])), abs(float(spacing[1]))),
        thickness=abs(float(gap)),
        slope=1.0 if slope is None else float(slope),
        intercept=0.0 if intercept is None else float(intercept),
        order=_order(dataset, look, number),
        localizer="LOCALIZER" in [str(word).upper() for word in dataset.get("ImageType") or ()],
        inverted=dataset.get("PhotometricInterpretation") == "MONOCHROME1",
        burned_in=str(dataset.get("BurnedInAnnotation", "")).upper() == "YES",
        body_part=str(dataset.get("BodyPartExamined") or "").upper(),
        hounsfield=modality == "CT" and rescale_type in (None, "", "HU"),
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
            if items and items[0].get(attribute) is not None:
                return items[0].get(attribute)
        return self.dataset.get(attribute)


def _order(dataset: Dataset, look: _Lookup, number: int) -> tuple[float, ...]:
    values = (
        dataset.get("AcquisitionNumber"),
        look("FrameContentSequence", "TemporalPositionIndex") or dataset.get("TemporalPositionIdentifier"),
        look("MREchoSequence", "EffectiveEchoTime") or dataset.get("EchoTime"),
        dataset.get("InstanceNumber"),
        number,
    )
    return tuple(float(value) if value not in (None, "") else 0.0 for value in values)


def _floats(values: Any, count: int) -> tuple[float, ...] | None:
    """Return `count` finite floats, or None where the header holds anything else."""
    if values is None or isinstance(values, str) or len(values) != count:
        return None
    numbers = tuple(float(value) for value in values)
    return numbers if np.isfinite(numbers).all() else None
