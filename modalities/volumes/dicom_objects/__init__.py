"""Results for a DICOM series, as DICOM objects that a PACS accepts; one module per object."""

from looktwice.modalities.volumes.dicom_objects.writing import write_dicom_objects

__all__ = ["write_dicom_objects"]
