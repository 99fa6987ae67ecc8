"""Padding of DICOM slices: stored values that stand for what was not imaged, such as the corners of a CT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.modalities.volumes.dicom_frames import Frame

AIR_HU = -1000.0


@dataclass
class Padding:
    """What stands in for padding; it counts what it replaced.

    Padding below everything that was imaged is left as it is: it reads as background already.

    Attributes
    ----------
    pixels : int
        How many were replaced so far.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from pathlib import Path
    >>> from pydicom.data import get_testdata_file
    >>> from looktwice.modalities.volumes.dicom_files import DicomFile
    >>> from looktwice.modalities.volumes.dicom_frames import read_frames
    >>> (frame,) = read_frames(DicomFile(Path(get_testdata_file("CT_small.dcm", download=False))))
    >>> frame = replace(frame, intercept=-1024.0, padding=(30000, 30000))
    >>> Padding().emptied(np.array([[30000, 1064]], np.uint16), frame)  # air and 40 HU
    array([[  24, 1064]], dtype=uint16)
    """

    pixels: int = 0

    def emptied(self, plane: npt.NDArray[Any], frame: Frame) -> npt.NDArray[Any]:
        """Return a plane of stored values in which padding is air (CT) or the lowest value of what was imaged."""
        if frame.padding is None:
            return plane
        padded = (plane >= frame.padding[0]) & (plane <= frame.padding[1])
        if not padded.any() or padded.all():
            return plane
        if frame.hounsfield and frame.slope > 0:
            air = (AIR_HU - frame.intercept) / frame.slope
            limits = np.iinfo(plane.dtype)
            instead, harmless = np.clip(round(air), limits.min, limits.max), frame.padding[1] <= air
        else:
            instead = plane[~padded].min()
            harmless = frame.padding[1] <= instead
        if harmless:
            return plane
        self.pixels += int(np.count_nonzero(padded))
        return np.where(padded, np.asarray(instead, plane.dtype), plane)

    def tell(self, notes: list[str]) -> None:
        """Add to `notes` that padding was found, if it was."""
        if self.pixels:
            notes.append("padding outside the field of view counts as background")
