"""The types at the door of ``modalities``: a study gives views and takes maps back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import special

from looktwice.core.atomic import atomic_path
from looktwice.core.display import Display, Viewer
from looktwice.core.errors import InputError, UsageError

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

LOGIT_MARGIN = 1e-3
"""Probabilities are kept so far away from 0 and 1 where logits are added."""


class Modality(str):
    """A kind of input, by its name; each adapter in ``modalities/`` brings one.

    Equal names are one object, so that ``is`` compares kinds.

    Examples
    --------
    >>> Modality("hologram") is Modality("hologram")
    True
    >>> Modality("hologram").value
    'hologram'
    """

    __slots__ = ()
    _known: ClassVar[dict[str, Modality]] = {}

    IMAGE: ClassVar[Modality]
    VOLUME: ClassVar[Modality]
    POINTCLOUD: ClassVar[Modality]

    def __new__(cls, name: str) -> Modality:
        """Return the one object that stands for a name."""
        return cls._known.setdefault(str(name), super().__new__(cls, name))

    @property
    def value(self) -> str:
        """The name as an ordinary string."""
        return str(self)


Modality.IMAGE = Modality("image")  # kind: a name that ships
Modality.VOLUME = Modality("volume")  # kind: a name that ships
Modality.POINTCLOUD = Modality("pointcloud")  # kind: a name that ships


@dataclass(frozen=True)
class View:
    """One RGB picture of a study.

    Attributes
    ----------
    image : uint8, shape (H, W, 3)
    name : str
        Unique within the study, in words a person understands ("axial slice 92, z = +34 mm").
    index : int
        Position in ``Study.views()``.
    anchor : Any
        What ``lift`` needs to go back; opaque outside the adapter that made it.
    """

    image: ByteArray
    name: str
    index: int
    anchor: Any = None


@dataclass(frozen=True)
class Region:
    """One connected part of a native map that lies above the threshold.

    Coordinates are in the input's own index order: ``(x, y)`` pixels for images, ``(i, j, k)`` voxels
    for volumes, ``(x, y, z)`` in the file's unit for clouds.

    Attributes
    ----------
    score : float
        The highest map value inside, in [0, 1].
    size : float
        In ``size_unit``.
    size_unit : {"area_px", "volume_mm3", "points"}
    centroid : tuple of float
    bbox : tuple of float
        The lower corner, then the upper corner. Upper indices are exclusive for pixels and voxels.
    centroid_world_mm : tuple of float, optional
        RAS millimetres; volumes only (or clouds whose unit is known).
    details : dict
        Whatever else an adapter measured (diameter, laterality, contrast ...), JSON-serialisable.
    """

    score: float
    size: float
    size_unit: str
    centroid: tuple[float, ...]
    bbox: tuple[float, ...]
    centroid_world_mm: tuple[float, ...] | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the region as the command line's JSON contract has it."""
        return {
            "score": self.score,
            self.size_unit: self.size,
            "centroid": list(self.centroid),
            "centroid_world_mm": None if self.centroid_world_mm is None else list(self.centroid_world_mm),
            "bbox": list(self.bbox),
            **self.details,
        }


def added_in_logits(probabilities: FloatArray, logits: npt.ArrayLike) -> FloatArray:
    """Add logits to those of probabilities, which are first kept `LOGIT_MARGIN` away from 0 and 1."""
    own = special.logit(np.clip(probabilities, LOGIT_MARGIN, 1 - LOGIT_MARGIN))
    return np.asarray(special.expit(own + logits), np.float32)


class NativeMap(ABC):
    """An anomaly map in the input's own space.

    Attributes
    ----------
    values : float32
        (H, W) pixels, (I, J, K) voxels, or (P,) one value per input point; in [0, 1].
    display : Display
        How reports speak of it.
    exports : tuple of str
        Further file formats that `export` writes.
    """

    values: FloatArray
    display: ClassVar[Display] = Display()
    exports: ClassVar[tuple[str, ...]] = ()

    def raise_to(self, measured: Any, alone: bool = False) -> None:
        """Take in what was measured in the input's own space: place by place the higher value counts, or it `alone`."""
        self.values = measured if alone else np.maximum(measured, self.values)

    def add_logits(self, logits: Any) -> None:
        """Let a comparison with other studies count beside what was measured: logits of places are added to its own."""
        self.values = added_in_logits(self.values, logits)

    def in_views(self) -> FloatArray:
        """Return the map as the study's views show it, shape (V, h, w); a photograph is its own view."""
        return self.values[None]

    @abstractmethod
    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        """Return the connected components above `threshold`, the most suspicious first, at most `limit`."""

    def write(self, folder: Path) -> dict[str, str]:
        """Write the map into a folder that exists, in the input's own kind of file, whole or not at all.

        Returns
        -------
        dict
            The file's name under "heatmap": ``heatmap.npy`` unless a kind of input has a format of its own.
        """
        with atomic_path(folder / "heatmap.npy") as temporary, temporary.open("wb") as file:
            np.save(file, self.values)
        return {"heatmap": "heatmap.npy"}

    def export(self, kind: str, folder: Path) -> str:
        """Write the map in one more of `exports` into a folder that exists and return the file's name.

        Raises
        ------
        UsageError
            `kind` is not one of them.
        """
        raise UsageError(f"unknown export {kind!r}: there is none of a {self.display.noun}")

    def viewer(self, threshold: float, focus: tuple[float, ...] | None = None) -> Viewer | None:
        """Return an interactive view for a report, or None where there is none.

        Parameters
        ----------
        threshold : float
        focus : tuple of float, optional
            Centre of the region to look at first, in the input's own coordinates.
        """
        return None


class Study(ABC):
    """One thing to inspect: a photograph, a volume, a cloud.

    Attributes
    ----------
    modality : Modality
    name : str
        Safe as a folder name; never holds anything that identifies a patient.
    source : Path
        The file or folder that was opened; a bare name for what was in memory.
    notes : list of str
        What was decided by rule while reading, for the report ("2 series found, the larger one taken").
    medical : bool
        It shows a patient: nothing of it leaves this machine unasked, and reports keep quiet about its file. Told once,
        from the content or by who opened it.
    """

    modality: Modality
    name: str
    source: Path
    notes: list[str]
    medical: bool = False

    @abstractmethod
    def views(self) -> Sequence[View]:
        """Return the views, produced lazily: an element is decoded when it is asked for.

        The sequence has a length, can be iterated and indexed, and never holds all pictures at once.
        """

    @property
    def base(self) -> int:
        """Index of the view that stands for the whole study (LTFM takes its class context from it)."""
        return 0

    @abstractmethod
    def lift(self, maps: npt.NDArray[np.floating[Any]]) -> NativeMap:
        """Bring one map per view back into the input's own space.

        Parameters
        ----------
        maps : float, shape (V, h, w)
            One map per view, in the order of ``views()``; each covers the full extent of its view.
        """

    def shown(self, picture: ByteArray) -> ByteArray:
        """Return a view's picture (H, W, 3) as people are shown it; encoders may be given other colours."""
        return picture

    def write_dicom(
        self, heatmap: NativeMap, regions: Sequence[Region], folder: Path, keep_identifiers: bool = False
    ) -> dict[str, str]:
        """Write what was found as DICOM objects into a folder, which is made if it does not exist.

        Parameters
        ----------
        heatmap : NativeMap
            As ``lift`` gave it.
        regions : sequence of Region
            Of `heatmap`.
        folder : Path
        keep_identifiers : bool
            Keep patient and study as they are; otherwise they are replaced by a stable pseudonym.

        Returns
        -------
        dict
            File names by the kind of object.

        Raises
        ------
        InputError
            The study is no DICOM series.
        """
        raise InputError(f"{self.source}: DICOM objects can only be written for a DICOM series")
