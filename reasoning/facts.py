"""What the evidence states of a study, in the fields of an answer: every reasoner's words are held against these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from looktwice.modalities.study import Modality, Region
from looktwice.reasoning.base import StudyContext
from looktwice.reasoning.place import place_of, place_of_peak
from looktwice.reasoning.quantities import percent, size

UNSURE_MARGIN = 0.05
"""A score nearer to the threshold than this decides nothing that a person should rely on."""

NAMED_VIEWS = 3


@dataclass(frozen=True)
class Facts:
    """The measured side of an answer.

    Attributes
    ----------
    verdict : {"anomalous", "normal"}
    unsure : bool
        The score lies within ``UNSURE_MARGIN`` of the threshold.
    score, threshold : float
    suspicion : {"slightly", "moderately", "highly"}
    where : str or None
        One of ``place.PLACES``, on the picture or on `view`; None where the verdict is "normal".
    view : str or None
        Name of the most suspicious view; None for a single picture and where the verdict is "normal".
    views : tuple of str
        The most suspicious views, the worst first; empty for a single picture.
    size : str or None
        Of the worst region, with its unit; None where the verdict is "normal".
    regions : int
        How many regions lie above the threshold.
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

    def to_fields(self) -> dict[str, Any]:
        """Return the fields of an :class:`Answer` that states exactly this."""
        return {
            "verdict": self.verdict,
            "unsure": self.unsure,
            "suspicion": self.suspicion,
            "where": self.where,
            "view": self.view,
            "size": self.size,
        }


def read_facts(context: StudyContext) -> Facts:
    """Read the facts off a study's result and evidence."""
    result = context.result
    several = len(context.maps) > 1
    anomalous = result.verdict == "anomalous"
    named = tuple(finding.name for finding in result.findings[:NAMED_VIEWS]) if several else ()
    return Facts(
        verdict=result.verdict,
        unsure=abs(result.score - result.threshold) < UNSURE_MARGIN,
        score=result.score,
        threshold=result.threshold,
        suspicion=result.suspicion,
        where=_where(context) if anomalous else None,
        view=named[0] if named and anomalous else None,
        views=named,
        size=_size(context, result.regions[0]) if anomalous and result.regions else None,
        regions=len(result.regions),
    )


def _where(context: StudyContext) -> str:
    result = context.result
    if result.modality is Modality.IMAGE:
        height, width = result.heatmap.values.shape
        if result.regions:
            x, y = result.regions[0].centroid
            return place_of(x, y, width, height)
        return place_of_peak(result.heatmap.values)
    worst = result.findings[0].index if result.findings else int(context.maps.max(axis=(1, 2)).argmax())
    return place_of_peak(context.maps[worst])


def _size(context: StudyContext, region: Region) -> str:
    if region.size_unit == "volume_mm3":
        return size(region)
    whole = "picture" if region.size_unit == "area_px" else "points"
    return f"{percent(region.size / context.result.heatmap.values.size)} of the {whole}"
