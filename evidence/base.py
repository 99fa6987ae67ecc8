"""What every source of evidence offers, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from looktwice.core.calibration import Calibration
from looktwice.core.study import Modality, Study

if TYPE_CHECKING:
    from looktwice.modalities.volumes.fields import SeparableField

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """What one source found in one study, calibrated.

    Attributes
    ----------
    score : float
        Of the study, in [0, 1].
    maps : float32, shape (V, h, w), optional
        One map for each view, in [0, 1], of a source that measures in views.
    values : float32 array or field, optional
        In [0, 1], of a source that measures in the input's own space, as the study's native map takes it: an array of
        its shape, or for volumes a field that is read at the voxels piece by piece.
    alone : bool
        It takes the place of what the views show. Otherwise whichever is more alarmed counts, place by place.
    """

    score: float
    maps: FloatArray | None = None
    values: FloatArray | SeparableField | None = None
    alone: bool = False


class Source(Protocol):
    """A source of evidence."""

    @property
    def name(self) -> str:
        """Its key in an expert's calibration and in a result's ``evidence``."""

    @property
    def modality(self) -> Modality:
        """The kind of input that it may fit."""

    def fits(self, study: Study) -> bool:
        """Whether this source can say something about a study."""

    def look(self, study: Study, grid: tuple[int, int], calibration: Calibration) -> Found | None:
        """Measure a study; maps of views have `grid` (h, w) cells. None where what it found cannot be believed."""
