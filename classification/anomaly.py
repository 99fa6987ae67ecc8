"""What detection hands on to be named, and the anomaly that is shown to whoever names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from looktwice.classification.contour import cut
from looktwice.core.errors import InputError
from looktwice.core.fuse import counting
from looktwice.core.study import BoolArray, ByteArray, FloatArray, Study
from looktwice.evidence.comparisons.gallery import OTHER_OBJECT_NOTE
from looktwice.reasoning.base import StudyContext

# Of an input whose views overlap, so many are shown: one may hide what the other shows.
OVERLAPPING_VIEWS = 2
# Of a region's facts, those that say nothing about its kind.
_NOT_TOLD = ("score", "centroid", "bbox", "centroid_world_mm", "peak", "threshold")


class Contours(str, Enum):
    """Where a region comes from; figures of the two kinds are never mixed."""

    PREDICTED = "predicted"
    ORACLE = "oracle"


@dataclass(frozen=True, eq=False)
class AnomalyView:
    """One picture of an anomaly and its region in it.

    Attributes
    ----------
    image : uint8, shape (H, W, 3)
    mask : bool, shape (H, W)
    name : str
    reference : uint8, shape (h, w, 3), optional
        A normal picture of the same kind.
    expected : uint8, shape (H, W, 3), optional
        A normal picture of the very same scene, pixel by pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.classification.measurements import measure
    >>> image, mask = np.full((64, 64, 3), 120, np.uint8), np.zeros((64, 64), bool)
    >>> mask[20:30, 20:30], image[20:30, 20:30] = True, 20
    >>> measure(AnomalyView(image, mask), tone=None)["contrast"] < -2
    True
    """

    image: ByteArray
    mask: BoolArray
    name: str = "image"
    reference: ByteArray | None = None
    expected: ByteArray | None = None


@dataclass(frozen=True, eq=False)
class Anomaly:
    """An anomaly to be named.

    Attributes
    ----------
    views : tuple of AnomalyView
        The first is measured; a cloud has two.
    contours : Contours
    facts : dict
        What was measured in the input's own space (volume in mm³, place in the body), JSON-serialisable.
    medical : bool
        It may not leave this machine unless the user says so.
    likely : dict of str to float
        Log-probability of each class, by what outlined examples taught detection; empty where there were none.

    Examples
    --------
    >>> import numpy as np
    >>> image, mask = np.full((64, 64, 3), 120, np.uint8), np.zeros((64, 64), bool)
    >>> mask[20:30, 20:30] = True
    >>> anomaly = Anomaly((AnomalyView(image, mask),), Contours.PREDICTED, facts={"volume_mm3": 812.0})
    >>> anomaly.views[0].name
    'image'
    """

    views: tuple[AnomalyView, ...]
    contours: Contours
    facts: dict[str, Any] = field(default_factory=dict)
    medical: bool = False
    likely: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SuspectView:
    """One view of an input with its map, before anything is cut out.

    Attributes
    ----------
    image : uint8, shape (H, W, 3)
    heat : float, shape (h, w)
        Calibrated, in [0, 1], covering the picture's full extent.
    name : str
    reference, expected : uint8 arrays, optional
        As in `AnomalyView`.

    Examples
    --------
    >>> import numpy as np
    >>> heat = np.zeros((16, 16), np.float32)
    >>> heat[4:8, 4:8] = 0.9
    >>> view = SuspectView(np.full((64, 64, 3), 120, np.uint8), heat)
    >>> mask = cut(view.heat, (64, 64), 0.5)
    >>> bool(mask[24, 24]), bool(mask[48, 48])
    (True, False)
    """

    image: ByteArray
    heat: FloatArray
    name: str = "image"
    reference: ByteArray | None = None
    expected: ByteArray | None = None


@dataclass(frozen=True, eq=False)
class Detection:
    """What detection says of one input: all that naming knows of it.

    Attributes
    ----------
    study : Study
    score, threshold : float
        The input is anomalous at or above the threshold.
    map_threshold : float
        Where maps are cut.
    views : tuple of SuspectView
        Those that show best what was found, the clearest first.
    facts, likely : dict
        As in `Anomaly`.
    notes : list of str
    another_object : bool
        The input looks unlike every reference.
    doubt : str
        Why it is not sure whether the input is anomalous, where it is not.
    covered : bool
        Whether calibration covers this kind of input; without it there is no verdict.
    seconds : float
        How long detection took.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from looktwice.modalities.images.study import ImageStudy
    >>> image, heat = np.full((64, 64, 3), 120, np.uint8), np.zeros((16, 16), np.float32)
    >>> heat[4:8, 4:8] = 0.9
    >>> tile = ImageStudy(Path("tile"), image)
    >>> found = Detection(tile, score=0.9, threshold=0.5, map_threshold=0.5, views=(SuspectView(image, heat),))
    >>> found.is_anomalous, bool(found.anomaly().views[0].mask[24, 24])
    (True, True)
    """

    study: Study
    score: float
    threshold: float
    map_threshold: float
    views: tuple[SuspectView, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    likely: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    another_object: bool = False
    doubt: str = ""
    covered: bool = True
    seconds: float = 0.0

    @classmethod
    def of(
        cls,
        context: StudyContext,
        map_threshold: float = 0.5,
        reference_view: Callable[[Study, int], ByteArray | None] = lambda study, index: None,
    ) -> Detection:
        """Take over an input that was examined.

        Parameters
        ----------
        context : StudyContext
        map_threshold : float
        reference_view : callable, optional
            Takes the study and the index of a view; returns the same view of a normal input, if there is one.
        """
        result, of_study = context.result, context.views
        counted = counting(context.findings)
        reference = next((one.reference for one in counted if one.reference is not None), None)
        expected = next((one.expected for one in counted if one.expected is not None), None)
        count = OVERLAPPING_VIEWS if result.heatmap.overlapping_views else 1
        views = []
        for index in [view.index for view in result.worst_views[:count]]:
            shown = reference if reference is not None else reference_view(context.study, index)
            views.append(SuspectView(of_study[index].image, context.maps[index], of_study[index].name, shown, expected))
        worst = result.regions[0].to_json() if result.regions and len(of_study) > 1 else {}
        facts = {name: value for name, value in worst.items() if name not in _NOT_TOLD}
        kinds = next((dict(one.kinds) for one in counted if one.kinds), {})
        return cls(
            context.study,
            result.score,
            result.threshold,
            map_threshold,
            tuple(views),
            facts,
            kinds,
            notes=list(result.notes),
            another_object=OTHER_OBJECT_NOTE in result.notes,
            doubt=result.doubt,
            covered=result.covered,
            seconds=result.seconds.get("total", 0.0),
        )

    @property
    def is_anomalous(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.score >= self.threshold

    def anomaly(self, truth: BoolArray | None = None, certain: bool = False) -> Anomaly | None:
        """Cut out what is to be named.

        Parameters
        ----------
        truth : bool, shape (H, W), optional
            Where a photograph is anomalous, by ground truth: it takes the place of the map, and the contour is an
            ``oracle``.
        certain : bool
            The input is known to be anomalous: whatever stands out most in it is its region.

        Returns
        -------
        Anomaly or None
            None where nothing is wrong.

        Raises
        ------
        InputError
            `truth` does not fit the input.
        """
        if truth is not None:
            return self._outlined(truth)
        if not self.is_anomalous and not certain:
            return None
        views = tuple(
            AnomalyView(
                view.image,
                cut(view.heat, (view.image.shape[1], view.image.shape[0]), self.map_threshold),
                view.name,
                view.reference,
                view.expected,
            )
            for view in self.views
        )
        return Anomaly(views, Contours.PREDICTED, self.facts, self.study.medical, self.likely)

    def _outlined(self, truth: BoolArray) -> Anomaly:
        if len(self.study.views()) > 1:
            raise InputError(f"{self.study.source}: ground-truth masks are supported for photographs only")
        [view] = self.views
        if truth.shape != view.image.shape[:2] or not truth.any():
            raise InputError(f"{self.study.source}: the mask is empty or differs in size from the image")
        # What the whole picture looks like says nothing about the part of it that ground truth outlines.
        outlined = AnomalyView(view.image, truth, view.name, view.reference, view.expected)
        return Anomaly((outlined,), Contours.ORACLE, self.facts, self.study.medical)
