"""Reading DICOM series, classic or enhanced multi-frame, from a folder, a zip or a single file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from looktwice.core.errors import InputError
from looktwice.modalities.volumes.dicom_files import DicomFile, find_dicom_files
from looktwice.modalities.volumes.dicom_frames import Frame, read_frames
from looktwice.modalities.volumes.dicom_grouping import Series, series_name
from looktwice.modalities.volumes.dicom_kinds import discreet
from looktwice.modalities.volumes.dicom_padding import Padding
from looktwice.modalities.volumes.dicom_series import Stack, build_stack
from looktwice.modalities.volumes.scan import Kind, Scan, nifti_header
from looktwice.modalities.volumes.voxels import IN_MEMORY_BYTES, RawFile, Voxels

HEAD_WORDS = ("HEAD", "BRAIN", "SKULL")


def read_dicom(path: Path, channel: int | None = None, series: Series | None = None) -> Scan:
    """Read one series; voxel axes are (column, row, slice), slices sorted along their normal.

    Parameters
    ----------
    path : Path
        A folder, a zip, or one file.
    channel : int, optional
        Which volume of a 4D series; the first if not given.
    series : Series, optional
        The files to read, where it is known which belong together; otherwise the largest series in `path`.

    Raises
    ------
    InputError
        No image is found, or one cannot be decoded.
    """
    with discreet():
        return _read(path, channel, series)


def _read(path: Path, channel: int | None, series: Series | None) -> Scan:
    files = find_dicom_files(path) if series is None else list(series.files)
    frames = [frame for file in files for frame in read_frames(file)]
    if series is not None:
        # Also where each image has a UID of its own and they were joined by geometry.
        frames = [replace(frame, series=series.uid or frames[0].instance) for frame in frames]
    if not frames:
        raise InputError("no CT or MR image found; reports, segmentations and dose files are not volumes")
    notes: list[str] = []
    others = len(files) - len({frame.file for frame in frames})
    if others:
        notes.append(f"skipped {others} DICOM files without an image")
    stack = build_stack(frames, channel, notes)
    first = stack.frames[0]
    if first.localizer and first.modality == "CT":
        notes.append("a CT scout is a projection: its values are no HU, and no size in millimetres is certain")
    elif first.modality == "CT" and not first.hounsfield:
        notes.append("the header does not say that the values are HU; they are judged by their range")
    voxels = _read_voxels(stack, notes)
    return Scan(
        voxels=voxels,
        affine=stack.affine,
        kind=_kind(first),
        header=nifti_header(voxels.shape, stack.affine),
        name=series_name(first.modality, first.series or first.instance),
        source=path,
        head=any(word in first.body_part for word in HEAD_WORDS) if first.body_part else None,
        frames=stack.frames,
        planes=stack.heights,
        notes=notes,
        measured=stack.measured and not (first.localizer and first.modality == "CT"),
    )


def _kind(frame: Frame) -> Kind | None:
    if frame.localizer:
        return Kind.MR if frame.modality == "MR" else Kind.OTHER
    return {"CT": Kind.CT if frame.hounsfield else None, "MR": Kind.MR}.get(frame.modality, Kind.OTHER)


def _read_voxels(stack: Stack, notes: list[str]) -> Voxels:
    """Decode every frame once; the stored integers are kept where one slope and intercept hold for all."""
    first = stack.frames[0]
    scales = {(frame.slope, frame.intercept) for frame in stack.frames}
    padded = Padding()
    planes = _planes(stack, padded, rescale=len(scales) > 1)
    start = next(planes)
    shape = (first.columns, first.rows, len(stack.places))
    slope, intercept = scales.pop() if len(scales) == 1 else (1.0, 0.0)
    if start.nbytes * shape[2] > IN_MEMORY_BYTES:
        file = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the scan)
        file.write(start.tobytes())
        for plane in planes:
            file.write(plane.astype(start.dtype, copy=False).tobytes())
        file.flush()
        padded.tell(notes)
        return Voxels(RawFile(file, 0, shape, start.dtype), slope, intercept)
    array = np.empty(shape, start.dtype, order="F")
    array[:, :, 0] = start.T
    for index, plane in enumerate(planes, start=1):
        array[:, :, index] = plane.T
    padded.tell(notes)
    return Voxels(array, slope, intercept)


def _planes(stack: Stack, padding: Padding, rescale: bool) -> Iterator[npt.NDArray[Any]]:
    """Yield the slices (rows, columns) of the even stack."""
    parsed = lru_cache(maxsize=1)(DicomFile.read)  # a multi-frame file is parsed once for all of its frames

    @lru_cache(maxsize=2)
    def decoded(index: int) -> npt.NDArray[Any]:
        frame = stack.frames[index]
        return _decode(frame, parsed(frame.file), padding, rescale)

    for place in stack.places:
        below, share = int(place), place % 1
        plane = decoded(below)
        if share:
            blend = (1 - share) * plane.astype(np.float32) + share * decoded(below + 1)
            plane = blend.astype(plane.dtype) if plane.dtype.kind == "f" else np.rint(blend).astype(plane.dtype)
        yield plane


def _decode(frame: Frame, dataset: Dataset, padding: Padding, rescale: bool) -> npt.NDArray[Any]:
    try:
        plane = pixel_array(dataset, index=frame.number)
    except Exception as error:  # the decoders of the plug-ins raise errors of every kind
        syntax = getattr(dataset.file_meta.get("TransferSyntaxUID"), "name", "unknown")
        message = f"a slice is truncated or cannot be decoded (transfer syntax: {syntax}); export the series again"
        raise InputError(message) from error
    if plane.shape != (frame.rows, frame.columns):
        raise InputError("the size of a slice does not match its header; export the series again")
    plane = padding.emptied(plane, frame)
    return plane.astype(np.float32) * frame.slope + frame.intercept if rescale else plane
