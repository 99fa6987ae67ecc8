"""What the evidence states of a study, in the fields of an answer: every reasoner's words are held against these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from looktwice.core.result import Result
from looktwice.core.study import Modality, Region
from looktwice.core.wording.appearance import contrast_of
from looktwice.core.wording.extent import extent_of_share, extent_of_volume
from looktwice.core.wording.place import CLEAR, hottest_place
from looktwice.core.wording.quantities import number, percent, size
from looktwice.reasoning.base import StudyContext

UNSURE_MARGIN = 0.01
"""A score nearer to the threshold than this decides nothing that a person should rely on."""

NAMED_VIEWS = 3

CUT_OUT = 256
"""Pixels a side, about, of what a region and its surroundings are compared on."""


@dataclass(frozen=True)
class Facts:
    """The measured side of an answer.

    Attributes
    ----------
    verdict : {"anomalous", "normal", "unsure"}
    unsure : bool
        The score lies within ``UNSURE_MARGIN`` of the threshold.
    score, threshold : float
    suspicion : {"slightly", "moderately", "highly"}
    where : str or None
        One of ``place.PLACES``, on the picture or on `view`; None where the verdict is "normal", and where the heat
        is spread so widely that no place stands out.
    view : str or None
        Name of the most suspicious view; None for a single picture and where the verdict is "normal".
    views : tuple of str
        The most suspicious views, the worst first; empty for a single picture.
    size : str or None
        Of the worst region, with its unit; None where the verdict is "normal".
    regions : int
        How many regions lie above the threshold.
    extent : str or None
        The size in a word, one of ``extent.EXTENTS``.
    contrast : {"darker", "brighter", "rougher", "smoother"} or None
        The worst region against what is around it, where a reasoner has had it measured (`measure_contrast`).
    what : str or None
        Kind of anomaly, where a reasoner has decided on one; the evidence itself does not say.

    Examples
    --------
    >>> facts = Facts("anomalous", False, 0.9, 0.5, "highly", where="top left", size="1.2 % of the picture")
    >>> fields = facts.to_fields()
    >>> fields["verdict"], fields["where"]
    ('anomalous', 'top left')
    """

    verdict: str
    unsure: bool
    score: float
    threshold: float
    suspicion: str
    where: str | None = None
    view: str | None = None
    views: tuple[str, ...] = ()
    size: str | None = None
    regions: int = 0
    extent: str | None = None
    contrast: str | None = None
    what: str | None = None

    def to_fields(self) -> dict[str, Any]:
        """Return the fields of an :class:`Answer` that states exactly this."""
        return {
            "verdict": self.verdict,
            "unsure": self.unsure,
            "suspicion": self.suspicion,
            "where": self.where,
            "view": self.view,
            "size": self.size,
            "extent": self.extent,
            "contrast": self.contrast,
            "what": self.what,
        }


def read_facts(context: StudyContext) -> Facts:
    """Read the facts off a study's result and evidence."""
    result = context.result
    several = len(context.maps) > 1
    anomalous = result.verdict == "anomalous"
    worst = result.regions[0] if anomalous and result.regions else None
    named = tuple(finding.name for finding in result.worst_views[:NAMED_VIEWS]) if several else ()
    return Facts(
        # A verdict that calibration does not allow is, in words, one that nobody can be sure of.
        verdict=result.verdict or "unsure",
        unsure=is_unsure(result),
        score=result.score,
        threshold=result.threshold,
        suspicion=result.suspicion,
        where=_where(context) if anomalous and not (worst and worst.extent == "global") else None,
        view=named[0] if named and anomalous else None,
        views=named,
        size=_size(context, worst) if worst else None,
        regions=len(result.regions),
        extent=_extent(context, worst) if worst else None,
    )


def is_unsure(result: Result) -> bool:
    """Tell whether the score decides nothing: it is too near to the threshold, or the threshold says nothing."""
    return bool(result.doubt) or abs(result.score - result.threshold) < UNSURE_MARGIN


def _where(context: StudyContext) -> str | None:
    result = context.result
    own = result.modality is Modality.IMAGE  # kind: a photograph is its only view
    heat = result.heatmap.values if own else context.maps[worst_view(context)]
    place, times_mean = hottest_place(heat)
    return place if times_mean >= CLEAR else None


def worst_view(context: StudyContext) -> int:
    """Return the index of the most suspicious view."""
    findings = context.result.worst_views
    return findings[0].index if findings else int(context.maps.max(axis=(1, 2)).argmax())


def _size(context: StudyContext, region: Region) -> str:
    if region.size_unit == "volume_mm3":
        return size(region)
    whole = {"area_px": "picture", "voxels": "volume"}.get(region.size_unit, "points")  # kind: a share of it
    return f"{percent(region.size / context.result.heatmap.values.size)} of the {whole}"


def _extent(context: StudyContext, region: Region) -> str:
    if region.size_unit == "volume_mm3":
        return extent_of_volume(region.size)
    return extent_of_share(region.size / context.result.heatmap.values.size)


def measure_contrast(context: StudyContext) -> str | None:
    """Return "darker", "brighter", and for a photograph also "rougher" or "smoother", than what is around the region.

    None for a study that is normal or without a region, for a cloud, whose pictures are drawn, and where neither
    differs much. A volume is compared in its own values, a photograph in grey levels of the view.
    """
    result = context.result
    hidden = result.modality is Modality.POINTCLOUD  # kind: a view of a cloud hides what lies behind
    if not result.regions or hidden:
        return None
    worst = result.regions[0]
    if result.modality is Modality.IMAGE:  # kind: a photograph is its only view
        return _on_picture(context, worst)
    inside, ring = worst.details.get("mean_inside"), worst.details.get("mean_ring")
    if inside is None or ring is None or number(inside) == number(ring):
        return None
    return "brighter" if inside > ring else "darker"


def _on_picture(context: StudyContext, region: Region) -> str | None:
    """Compare a region with its surroundings, on a cut-out that leaves as much room around it as it is wide."""
    values, image = context.result.heatmap.values, context.views[0].image
    height, width = values.shape
    left, top, right, bottom = (round(side) for side in region.bbox)
    room = max(right - left, bottom - top)
    step = max(1, 3 * room // CUT_OUT)
    rows = np.arange(max(0, top - room), min(height, bottom + room), step)
    columns = np.arange(max(0, left - room), min(width, right + room), step)
    mask = values[np.ix_(rows, columns)] >= context.result.threshold
    return contrast_of(mask, image[np.ix_(rows * image.shape[0] // height, columns * image.shape[1] // width)])
