"""What a DICOM object shows: slices of a volume, a picture, or several slices tiled in one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

PICTURE_MODALITIES = frozenset(
    ("BDUS", "BMD", "CR", "DG", "DX", "ES", "GM", "HC", "IO", "IVUS", "MG", "OP", "OT", "PX", "RF", "RG", "SM", "TG",
     "US", "XA", "XC")
)  # fmt: skip
"""Projections, ultrasound and photographs; with a place in the patient (tomosynthesis, rotational angiography) they are
slices all the same."""

PLANAR_NUCLEAR = frozenset(("STATIC", "WHOLE BODY", "DYNAMIC", "GATED", "TOMO", "GATED TOMO"))
"""Image types of scintigraphy that are projections; reconstructed ones are called RECON TOMO."""

WITHOUT_IMAGE = frozenset(("SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "SR", "PR", "KO", "DOC", "REG", "FID", "AU"))
"""Objects that lie beside a series and are no scan."""

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""The stem of the SOP classes of screenshots, with one frame or several."""


@contextmanager
def discreet() -> Iterator[None]:
    """Keep pydicom from warning about values that break the standard: its warnings quote them, names and all."""
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def value(dataset: Dataset, keyword: str) -> Any:
    """Return an attribute, or None where it is missing, empty or cannot be understood."""
    try:
        found = dataset.get(keyword)
        if found is not None and not isinstance(found, (str, bytes)) and hasattr(found, "__len__"):
            found = list(found)
    except (ValueError, TypeError, ArithmeticError, AttributeError, KeyError, IndexError, NotImplementedError):
        return None
    return None if found in ("", []) else found


def words(dataset: Dataset, keyword: str) -> list[str]:
    """Return the values of an attribute in capital letters."""
    found = value(dataset, keyword)
    several = found if isinstance(found, list) else [] if found is None else [found]
    return [str(one).upper() for one in several]


def is_image(dataset: Dataset) -> bool:
    """Tell whether an object has pixels that show something of a patient."""
    modality = str(value(dataset, "Modality") or "")
    return bool(value(dataset, "Rows")) and bool(value(dataset, "Columns")) and modality not in WITHOUT_IMAGE


def is_picture(dataset: Dataset) -> bool:
    """Tell whether an object is a picture (a radiograph, an ultrasound, a screenshot) and no slice of a volume."""
    if not is_image(dataset):
        return False
    if int(value(dataset, "SamplesPerPixel") or 1) != 1 or _has_palette(dataset):
        return True
    if _has_place(dataset):
        return False
    modality = str(value(dataset, "Modality") or "").upper()
    if modality == "NM":
        return bool(PLANAR_NUCLEAR & set(words(dataset, "ImageType")))
    captured = str(value(dataset, "SOPClassUID") or "")
    return modality in PICTURE_MODALITIES or (captured + ".").startswith(SECONDARY_CAPTURE + ".")


def is_mosaic(dataset: Dataset) -> bool:
    """Tell whether an MR image holds all its slices as tiles, as Siemens stores functional series."""
    return str(value(dataset, "Modality") or "") == "MR" and "MOSAIC" in words(dataset, "ImageType")


def _has_palette(dataset: Dataset) -> bool:
    return not str(value(dataset, "PhotometricInterpretation") or "MONOCHROME2").upper().startswith("MONOCHROME")


def _has_place(dataset: Dataset) -> bool:
    """Tell whether an object, or its first frame, says where it lies in the patient."""
    if value(dataset, "ImagePositionPatient") and value(dataset, "ImageOrientationPatient"):
        return True
    per_frame = value(dataset, "PerFrameFunctionalGroupsSequence")
    places = value(per_frame[0], "PlanePositionSequence") if per_frame else None
    return bool(places and value(places[0], "ImagePositionPatient"))
