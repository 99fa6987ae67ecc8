"""Small DICOM series on disk, with the identities that a test asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid


def series(folder: Path, count: int = 4, *, uid: str = "", study: str = "1.2.3", tone: int = 0, **own) -> list[Path]:
    """Write a CT series of ellipsoids; `own` attributes may be functions of the slice's number."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = uid or generate_uid(entropy_srcs=[str(folder)])[:50]
    rows, columns = np.ogrid[:32, :32]
    paths = []
    for number in range(count):
        radius = 12 - abs(number - count / 2)
        pixels = np.where((rows - 16) ** 2 + (columns - 16) ** 2 < radius**2, 1060 + tone + rows % 7, 0).astype(
            np.uint16
        )
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"{uid}.{number + 1}"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = uid, study, f"{study}.9"
        dataset.PatientName, dataset.Modality, dataset.InstanceNumber = "Planted^Name", "CT", number + 1
        dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 32, 32, 1
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
        dataset.PhotometricInterpretation, dataset.PixelSpacing, dataset.SliceThickness = "MONOCHROME2", [5, 5], 5
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-80, -80, 5 * number], [1, 0, 0, 0, 1, 0]
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.PixelData = 1, -1024, pixels.tobytes()
        for name, value in own.items():
            setattr(dataset, name, value(number) if callable(value) else value)
        paths.append(save(dataset, folder / f"IM{number:03}"))
    return paths


def report(path: Path) -> Path:
    """Write a structured report, which has no image."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = (
        "1.2.840.10008.5.1.4.1.1.88.22",
        generate_uid(entropy_srcs=[str(path)]),
    )
    dataset.SeriesInstanceUID, dataset.Modality = generate_uid(entropy_srcs=[f"{path} series"]), "SR"
    return save(dataset, path)


def directory(path: Path, files: list[Path], capitals: bool = False) -> Path:
    """Write a DICOMDIR that names files below its folder."""
    records = []
    for file in files:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        parts = file.relative_to(path.parent).parts
        record.ReferencedFileID = [part.upper() if capitals else part for part in parts]
        records.append(record)
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = MediaStorageDirectoryStorage, "1.2.3.4"
    dataset.DirectoryRecordSequence = records
    return save(dataset, path)


def save(dataset: Dataset, path: Path) -> Path:
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    FileDataset(path, dataset, preamble=b"\0" * 128, file_meta=meta).save_as(path)
    return path
