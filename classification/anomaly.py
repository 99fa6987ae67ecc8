"""What is to be named: a picture, the region found in it, and a normal picture to compare with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.classification import drawing, measurements
from looktwice.core.study import BoolArray, ByteArray


class Contours(str, Enum):
    """Where a region comes from; figures of the two kinds are never mixed."""

    PREDICTED = "predicted"
    ORACLE = "oracle"


@dataclass(frozen=True, eq=False)
class Exposure:
    """One picture of the thing and the region in it.

    Attributes
    ----------
    image : uint8, shape (H, W, 3)
    mask : bool, shape (H, W)
    name : str
    reference : uint8, shape (h, w, 3), optional
        A normal picture of the same kind.
    expected : uint8, shape (H, W, 3), optional
        A normal picture of the very same scene, pixel by pixel.
    """

    image: ByteArray
    mask: BoolArray
    name: str = "image"
    reference: ByteArray | None = None
    expected: ByteArray | None = None


@dataclass(frozen=True, eq=False)
class Specimen:
    """A finding to be named.

    Attributes
    ----------
    exposures : tuple of Exposure
        The first is measured; a cloud has two.
    contours : Contours
    facts : dict
        What was measured in the input's own space (volume in mm³, place in the body), JSON-serialisable.
    medical : bool
        It may not leave this machine unless the user says so.
    likely : dict of str to float
        Log-probability of each class that outlined examples have taught the detector; empty where they have not.
    """

    exposures: tuple[Exposure, ...]
    contours: Contours
    facts: dict[str, Any] = field(default_factory=dict)
    medical: bool = False
    likely: dict[str, float] = field(default_factory=dict)


# Around a region, a drawing's pattern is looked at as far as this, in pixels.
_SURROUNDINGS = 12


def measure(exposure: Exposure, tone: str | None) -> dict[str, float]:
    """Measure a region; of a drawing, also what is missing from it or added to it.

    Parameters
    ----------
    exposure : Exposure
    tone : {"dark", "bright"} or None
        Of a drawing's material.

    Returns
    -------
    dict
        By the names of ``measurements.NAMES`` and, for drawings, ``drawing.NAMES``.
    """
    found = dict(zip(measurements.NAMES, measurements.measure_region(exposure.image, exposure.mask), strict=True))
    if tone is not None:
        found |= dict(zip(drawing.NAMES, _measure_drawing(exposure, tone == "dark"), strict=True))
    return {name: float(value) for name, value in found.items()}


def _measure_drawing(exposure: Exposure, dark: bool) -> npt.NDArray[np.float64]:
    drawn = drawing.binarise(grey(exposure.image), dark)
    rows, columns = np.nonzero(exposure.mask)
    window = tuple(
        slice(max(0, int(index.min()) - _SURROUNDINGS), int(index.max()) + _SURROUNDINGS + 1)
        for index in (rows, columns)
    )
    region = exposure.mask[window]
    if exposure.expected is None:
        expected = drawing.continue_pattern(drawn[window], region)
    else:
        expected = drawing.binarise(grey(exposure.expected), dark)[window]
    return drawing.measure_drawing(drawn[window], expected, region)


def grey(image: ByteArray) -> npt.NDArray[np.float64]:
    """Return the mean of a picture's channels, float of shape (H, W)."""
    mean: npt.NDArray[np.float64] = image.mean(axis=2)
    return mean
