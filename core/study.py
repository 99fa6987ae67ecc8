"""The types that ``modalities`` provides: a `Study` makes views and lifts their maps back to native space."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from looktwice.core.atomic import atomic_path
from looktwice.core.calibration import CLIP
from looktwice.core.display import Display, Viewer
from looktwice.core.errors import InputError, UsageError

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
Extent = Literal["local", "global"]
# Logits that a raised map reaches beyond the threshold, so that a flat one does not miss it by rounding.
LEAST_RISE = 1e-5


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
    """One RGB image of a study.

    Attributes
    ----------
    image : uint8, shape (H, W, 3)
    name : str
        Unique within the study and readable ("axial slice 92, z = +34 mm").
    index : int
        Position in ``Study.views()``.
    anchor : Any
        What ``lift`` needs to map back to native space; opaque outside the adapter that made it.

    Examples
    --------
    >>> slices = np.zeros((5, 32, 32, 3), np.uint8)
    >>> views = [View(picture, f"slice {index}", index, anchor=index) for index, picture in enumerate(slices)]
    >>> views[3].name, views[3].image.shape
    ('slice 3', (32, 32, 3))
    """

    image: ByteArray
    name: str
    index: int
    anchor: Any = None


@dataclass(frozen=True)
class Region:
    """One connected component of a native map at or above the threshold.

    Coordinates are native: ``(x, y)`` pixels for images, ``(i, j, k)`` voxels for volumes, ``(x, y, z)`` in the file's
    unit for clouds.

    Attributes
    ----------
    score : float
        The highest map value inside, in [0, 1].
    size : float
        In ``size_unit``.
    size_unit : {"area_px", "volume_mm3", "voxels", "points"}
        "voxels" for a volume that does not say how large they are.
    centroid : tuple of float
    bbox : tuple of float
        The lower corner, then the upper corner. Upper indices are exclusive for pixels and voxels.
    centroid_world_mm : tuple of float, optional
        RAS millimetres; volumes only (or clouds whose unit is known).
    details : dict
        Further measurements of the adapter (diameter, laterality, contrast ...), JSON-serialisable.
    extent : {"local", "global"}
        Whether it is a place in the object, or most of the object.

    Examples
    --------
    >>> scratch = Region(0.9, 120.0, "area_px", (10.0, 6.0), (0.0, 4.0, 20.0, 8.0), details={"elongation": 5.0})
    >>> printed = scratch.to_json()
    >>> printed["area_px"], printed["elongation"], printed["centroid"]
    (120.0, 5.0, [10.0, 6.0])
    """

    score: float
    size: float
    size_unit: str
    centroid: tuple[float, ...]
    bbox: tuple[float, ...]
    centroid_world_mm: tuple[float, ...] | None = None
    details: dict[str, Any] = field(default_factory=dict)
    extent: Extent = "local"

    def to_json(self) -> dict[str, Any]:
        """Return the region as ``--json`` prints it."""
        return {
            "score": self.score,
            "extent": self.extent,
            self.size_unit: self.size,
            "centroid": list(self.centroid),
            "centroid_world_mm": None if self.centroid_world_mm is None else list(self.centroid_world_mm),
            "bbox": list(self.bbox),
            **self.details,
        }


def added_in_logits(probabilities: FloatArray, logits: npt.ArrayLike) -> FloatArray:
    """Add logits to those of probabilities, which are first kept `CLIP` away from 0 and 1."""
    own = special.logit(np.clip(probabilities, CLIP, 1 - CLIP))
    return np.asarray(special.expit(own + logits), np.float32)


def rise_to(usual: float, highest: float, threshold: float) -> float:
    """Return by how many logits a map must rise for a threshold to lie half-way between two of its values."""
    low, high, wanted = special.logit(np.clip([usual, highest, threshold], CLIP, 1 - CLIP))
    return float(wanted - (low + high) / 2 + LEAST_RISE)


class NativeMap(ABC):
    """An anomaly map in the native space of an input.

    Attributes
    ----------
    values : float32
        In [0, 1]; shape (H, W) for pixels, (I, J, K) for voxels, (P,) for input points.
    display : Display
        How reports speak of it.
    exports : tuple of str
        Further file formats that `export` writes.
    overlapping_views : bool
        Whether places of the input show in several views, so that each view shows what the others found, too.
    raised : float
        Logits by which the whole map was raised; see `raised_to`.

    Examples
    --------
    A map of one's own finds its regions; this one takes each hot pixel for itself:

    >>> class Pixels(NativeMap):
    ...     def __init__(self, values):
    ...         self.values = np.asarray(values, np.float32)
    ...
    ...     def regions(self, threshold, limit=20):
    ...         hot = [(x, y) for y, x in zip(*np.nonzero(self.values >= threshold))]
    ...         found = [Region(self.values[y, x], 1, "area_px", (x, y), (x, y, x + 1, y + 1)) for x, y in hot]
    ...         return sorted(found, key=lambda region: -region.score)[:limit]
    >>> map_ = Pixels([[0.0, 0.6], [0.9, 0.0]])
    >>> [round(float(region.score), 1) for region in map_.regions(0.5)]
    [0.9, 0.6]
    >>> lit = map_.joined(highest=[np.full((2, 2), 0.7)], added=[], own=True)
    >>> len(lit.regions(0.65)), round(float(lit.values.min()), 1)
    (4, 0.7)
    """

    values: FloatArray
    display: ClassVar[Display] = Display()
    exports: ClassVar[tuple[str, ...]] = ()
    overlapping_views: ClassVar[bool] = False
    raised: float = 0.0

    @property
    def object_size(self) -> float:
        """How large the inspected object is, in the unit of its regions' sizes."""
        return float(self.values.size)

    def usual_and_highest(self) -> tuple[float, float]:
        """Return the median over the inspected object, and the highest value."""
        return float(np.median(self.values)), float(self.values.max(initial=0.0))

    def raised_to(self, threshold: float) -> NativeMap:
        """Return this map raised by the same logits everywhere: half of the way up to its highest place lies above.

        Parameters
        ----------
        threshold : float
            The level that then lies half-way, in logits, between the usual and the highest value.
        """
        rise = rise_to(*self.usual_and_highest(), threshold)
        map_ = self.joined([], [np.full_like(self.values, rise)], own=True)
        map_.raised = rise
        return map_

    def joined(self, highest: Sequence[Any], added: Sequence[Any], own: bool) -> NativeMap:
        """Return a map that takes in what was measured in the input's own space.

        Parameters
        ----------
        highest : sequence of arrays or fields
            In [0, 1]; place by place the highest value counts.
        added : sequence of arrays or fields
            Logits, added last.
        own : bool
            Whether this map's own values count among the highest.
        """
        values = np.max([*([self.values] if own else []), *highest], axis=0) if highest else self.values
        map_ = copy.copy(self)
        map_.values = added_in_logits(values, sum(added)) if added else np.asarray(values, np.float32)
        return map_

    def in_views(self) -> FloatArray:
        """Return the map as seen in the study's views, shape (V, h, w); a photograph is its only view."""
        return self.values[None]

    @abstractmethod
    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        """Return at most `limit` connected components at or above `threshold`, highest score first."""

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
        raise UsageError(f"unknown export {kind!r}; a {self.display.noun} has no exports")

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
    """One input to inspect: a photograph, a volume or a cloud.

    Attributes
    ----------
    modality : Modality
    name : str
        Usable as a folder name; never contains anything that identifies a patient.
    source : Path
        The file or folder that was opened; a bare name for what was in memory.
    notes : list of str
        Assumptions made while reading, for the report ("2 series found, the larger one taken").
    origin : str
        What tells it from other studies that were opened: its path, or the object in memory that it came from.
    identity : str
        What it is known by when it comes again: its path or its series' UID; "" for what was in memory.
    files : tuple of Path
        What it was read from.
    seconds_to_open : float
        What opening it took.
    medical : bool
        It shows a patient: nothing of it leaves this machine unasked, and reports keep quiet about its file. Set once,
        from the content or by the user.

    Examples
    --------
    A study of one's own makes views, and lifts their maps back; these strips are read from the left and from the right:

    >>> class Row(NativeMap):
    ...     def __init__(self, values):
    ...         self.values = values
    ...
    ...     def regions(self, threshold, limit=20):
    ...         return []
    >>> class Strip(Study):
    ...     modality, name, source, notes = Modality("strip"), "strip", Path("strip.raw"), []
    ...
    ...     def views(self):
    ...         picture = np.zeros((4, 8, 3), np.uint8)
    ...         return [View(picture, "from the left", 0), View(picture[:, ::-1], "from the right", 1)]
    ...
    ...     def lift(self, maps):
    ...         return Row(np.maximum(maps[0], maps[1][:, ::-1]).max(axis=0))
    >>> strip = Strip()
    >>> maps = np.zeros((len(strip.views()), 1, 4), np.float32)
    >>> maps[1, 0, 0] = 1.0
    >>> strip.lift(maps).values.tolist(), strip.key
    ([0.0, 0.0, 0.0, 1.0], 'strip.raw')
    """

    modality: Modality
    name: str
    source: Path
    notes: list[str]
    medical: bool = False
    origin: str = ""
    identity: str = ""
    files: tuple[Path, ...] = ()
    seconds_to_open: float = 0.0

    @property
    def scan_kind(self) -> str:
        """What it is, in a word that can stand for its name: "ct", "image"."""
        return str(self.modality)

    @property
    def key(self) -> str:
        """What the study is known by among others: where it came from."""
        return self.origin or str(self.source)

    @abstractmethod
    def views(self) -> Sequence[View]:
        """Return the views, made lazily: each is decoded when it is accessed.

        The sequence has a length and can be iterated and indexed. It never holds all images at once.
        """

    @property
    def base(self) -> int:
        """Index of the base view, which stands for the whole study: LTFM takes its class context from it."""
        return 0

    @abstractmethod
    def lift(self, maps: npt.NDArray[np.floating[Any]]) -> NativeMap:
        """Lift one map per view to the input's native space.

        Parameters
        ----------
        maps : float, shape (V, h, w)
            In the order of ``views()``; each map covers the full extent of its view.
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
