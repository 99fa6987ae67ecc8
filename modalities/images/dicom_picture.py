"""DICOM objects that are pictures, such as radiographs, mammograms, ultrasound and screenshots, to RGB."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array

from looktwice.core.errors import InputError
from looktwice.core.study import ByteArray
from looktwice.modalities.images.study import ImageStudy
from looktwice.modalities.volumes.dicom_files import DicomFile
from looktwice.modalities.volumes.dicom_grouping import series_name
from looktwice.modalities.volumes.dicom_kinds import discreet, value

PERCENTILES = (0.5, 99.5)
"""Shown where a grey picture names no window: collimators and metal outside do not set the greys."""


def open_dicom_picture(path: Path) -> ImageStudy:
    """Open one DICOM picture; its name tells nothing about the patient.

    Raises
    ------
    InputError
        It is a film of several pictures, or cannot be decoded.
    """
    with discreet():
        dataset = DicomFile(path).read()
        modality = str(value(dataset, "Modality") or "")
        frames = int(value(dataset, "NumberOfFrames") or 1)
        if frames > 1:
            raise InputError(f"{path}: a film of {frames} pictures ({modality}); export those that matter as pictures")
        notes: list[str] = []
        try:
            rgb = _to_rgb(dataset, notes)
        except Exception as error:  # the decoders of the plug-ins raise errors of every kind
            raise InputError(f"{path}: the picture is truncated or cannot be decoded; export it again") from error
    if rgb.min() == rgb.max():
        raise InputError(f"{path}: every pixel has the same value; there is nothing to inspect")
    study = ImageStudy(path, rgb)
    # The file's own name may be a patient's; copies under one UID stay apart by where they lie.
    study.identity = f"{value(dataset, 'SOPInstanceUID') or ''} {os.path.realpath(path)}"
    study.name = series_name(modality, study.identity)
    study.medical = True
    study.notes += [f"a DICOM picture ({modality or 'no modality stated'}), inspected as a picture", *notes]
    if str(value(dataset, "BurnedInAnnotation") or "").upper() == "YES":
        study.notes.append("the header says that text is burned into the pixels; it may identify the patient")
    return study


def _to_rgb(dataset: Dataset, notes: list[str]) -> ByteArray:
    photometric = str(value(dataset, "PhotometricInterpretation") or "MONOCHROME2").upper()
    pixels = pixel_array(dataset, index=0)
    if photometric == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, dataset)
    if pixels.ndim == 3:
        return _to_8_bit(pixels)[..., :3]
    grey = _grey(apply_modality_lut(pixels, dataset), dataset, notes)
    shown = 1 - grey if photometric == "MONOCHROME1" else grey
    return np.repeat(np.rint(255 * shown).astype(np.uint8)[..., None], 3, axis=2)


def _to_8_bit(pixels: npt.NDArray[Any]) -> ByteArray:
    """Return colours as bytes; those of 16 bits by the bits that they use."""
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, np.uint8)
    bits = max(8, int(pixels.max()).bit_length())
    return np.asarray(pixels >> (bits - 8), np.uint8)


def _grey(values: npt.NDArray[Any], dataset: Dataset, notes: list[str]) -> npt.NDArray[np.float64]:
    """Return grey values in [0, 1] as the header asks for them to be shown."""
    if value(dataset, "VOILUTSequence") and not value(dataset, "WindowCenter"):
        values = apply_voi_lut(values, dataset)
        return _between(values, float(values.min()), float(values.max()))
    centre, width = _window(dataset)
    if width > 1:
        shown = _between(values, centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2)
        if np.ptp(shown) > 0:
            return shown
    notes.append("the header names no window that shows something; the picture's own range is shown")
    low, high = np.percentile(values, PERCENTILES)
    return _between(values, float(low), float(high)) if high > low else _between(values, values.min(), values.max())


def _window(dataset: Dataset) -> tuple[float, float]:
    """Return the first window, or one without width."""
    named = [value(dataset, keyword) for keyword in ("WindowCenter", "WindowWidth")]
    try:
        centre, width = (float(one[0] if isinstance(one, list) else one) for one in named)
    except (TypeError, ValueError):
        return 0.0, 0.0
    return (centre, width) if np.isfinite([centre, width]).all() else (0.0, 0.0)


def _between(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.float64]:
    shown: npt.NDArray[np.float64] = np.clip((values - low) / max(high - low, np.finfo(np.float64).tiny), 0, 1)
    return shown
