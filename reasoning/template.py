"""The measured fields in fixed words, with no model: what stands until another reasoner says more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from looktwice.core.answer import Answer
from looktwice.core.result import Result
from looktwice.core.study import Modality, NativeMap, Region
from looktwice.core.wording.place import place_of, place_of_peak
from looktwice.core.wording.quantities import apart, count, number, percent, signed, size
from looktwice.reasoning.base import StudyContext, TextSink, Turn

if TYPE_CHECKING:
    from looktwice.encoders.base import VisionEncoder

ABOUT = "fixed words around the measured values"
AUTHOR = "Composed from the measured values."

SAMPLES = 100_000
"""Values that the level of the rest is taken from; more do not change a median that is shown with two decimals."""


class TemplateReasoner:
    """Says the measured facts in fixed words, whatever the question.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice import modalities
    >>> study, maps = modalities.open(np.arange(64, dtype=np.uint8).reshape(8, 8)), np.zeros((1, 4, 4), np.float32)
    >>> result = Result("plate", study.source, study.modality, 0.1, 0.5, study.lift(maps), [], [], 1, {}, "1.0")
    >>> answer = TemplateReasoner().explain(None, StudyContext(study, None, maps, result))
    >>> answer.text.partition(". ")[0]
    'Normal, slightly suspicious: the score of 0.10 lies below the threshold of 0.50'
    """

    def explain(
        self,
        question: str | None,
        context: StudyContext,
        history: Sequence[Turn] = (),
        on_text: TextSink | None = None,
    ) -> Answer:
        """Return the template's answer; see :meth:`Reasoner.explain`."""
        return answer(context.result, on_text)


def open(
    spec: str, *, encoder: VisionEncoder, allow_remote: bool, device: str, max_visual_tokens: int | None
) -> TemplateReasoner:
    """Return the template."""
    return TemplateReasoner()


def explain(result: Result) -> Answer:
    """Put the measured fields of a result into one to four sentences.

    The text states the verdict with score and threshold, then where the strongest region is, how large it is and how
    it stands out; for a normal study, what was looked at and how high the map came.

    Parameters
    ----------
    result : Result
        Its ``answer`` is not read.

    Returns
    -------
    Answer
        Of kind ``template``. ``fields`` holds ``verdict``, ``suspicion``, ``where`` and ``size`` (None for a normal
        study; ``where`` also for a region that covers most of the object), ``what`` (always None: naming a kind takes
        a reasoner) and ``confidence``, in [0, 1]: how far the score lies from the threshold towards 0 or 1.
    """
    anomalous = result.verdict == "anomalous"
    worst = result.regions[0] if anomalous and result.regions else None
    sentences = [_verdict(result), *(_found(result) if anomalous else _not_found(result))]
    fields: dict[str, Any] = {
        "verdict": result.verdict,
        "suspicion": result.suspicion,
        "where": None if worst is None or worst.extent == "global" else _where(worst, result),
        "size": None if worst is None else size(worst),
        "what": None,
        "confidence": round(_confidence(result), 4),
    }
    return Answer(text=" ".join(sentences), kind="template", fields=fields, author=AUTHOR)


def answer(result: Result, on_text: TextSink | None = None) -> Answer:
    """Explain a result as a reasoner does, whose words a sink may take."""
    explained = explain(result)
    if on_text is not None:
        on_text(explained.text)
    return explained


def _confidence(result: Result) -> float:
    score, threshold = result.score, result.threshold
    room = 1 - threshold if score >= threshold else threshold
    return min(1.0, abs(score - threshold) / room) if room > 0 else 1.0


def _verdict(result: Result) -> str:
    score, threshold = apart(result.score, result.threshold)
    side = "below" if result.score < result.threshold else "above" if result.score > result.threshold else "at"
    if score == threshold and side != "at":
        side = f"just {side}"
    word = result.verdict_in_words.capitalize()
    if result.doubt:
        return f"{word}: the score of {score} lies {side} the threshold of {threshold}. {result.doubt}"
    return f"{word}, {result.suspicion} suspicious: the score of {score} lies {side} the threshold of {threshold}."


def _found(result: Result) -> list[str]:
    if not result.regions:
        return [f"No single region reaches the threshold; the study as a whole does. {_highest(result)}"]
    worst = result.regions[0]
    if worst.extent == "global":
        return [f"Most of it stands out: {size(worst)}{_share(worst, result)} lie at or above the threshold."]
    subject = f"The strongest of {count(len(result.regions), 'region')}" if len(result.regions) > 1 else "One region"
    measures = [f"covers {size(worst)}{_share(worst, result)}", *_extent(worst), _peak(worst, result)]
    sentences = [f"{subject} lies {_lying(worst, result)}, {_centre(worst)}; it {_listed(measures)}."]
    contrast = _contrast(worst)
    if contrast:
        sentences.append(contrast)
    if result.modality is not Modality.IMAGE and result.worst_views:  # kind: a photograph is its only view
        sentences.append(f"The most suspicious view is {result.worst_views[0].name}.")
    return sentences


def _not_found(result: Result) -> list[str]:
    if result.candidates:
        worst = result.candidates[0]
        verb = "reaches" if len(result.candidates) == 1 else "reach"
        return [
            f"On the map, {count(len(result.candidates), 'place')} still {verb} the threshold, the strongest "
            f"({worst.score:.2f}, {size(worst)}) {_lying(worst, result)}; that does not decide the study."
        ]
    return [f"{_looked_at(result)} looked at and no region reaches the threshold. {_highest(result)}"]


def _looked_at(result: Result) -> str:
    if result.modality is Modality.IMAGE:  # kind: places in a photograph have words of their own
        return "The whole picture was"
    return f"{count(result.views, 'view')} {'was' if result.views == 1 else 'were'}"


def _highest(result: Result) -> str:
    """Say where the evidence is strongest when no region is."""
    if result.modality is Modality.IMAGE:  # kind: places in a photograph have words of their own
        values = result.heatmap.values
        return f"The map is highest {_in_words(place_of_peak(values), result.modality)}, at {float(values.max()):.2f}."
    if result.worst_views:
        return f"The most suspicious view is {result.worst_views[0].name}, at {result.worst_views[0].score:.2f}."
    return "No view stands out."


def _where(region: Region, result: Result) -> str:
    """Return a place as fields state it: of ``place.PLACES``, of the anatomy, or of the object's box."""
    if result.modality is Modality.IMAGE:  # kind: places in a photograph have words of their own
        height, width = result.heatmap.values.shape
        return place_of(region.centroid[0], region.centroid[1], width, height)
    if result.modality is Modality.VOLUME:  # kind: places in a body have words of their own
        return str(region.details.get("position", "volume"))  # kind: places in a body have words of their own
    return _part_of_object(region, result.heatmap)


def _lying(region: Region, result: Result) -> str:
    return _in_words(_where(region, result), result.modality)


def _in_words(place: str, modality: Modality) -> str:
    """Return a place as a sentence states it: "in the top left part of the picture"."""
    if modality is Modality.IMAGE:  # kind: its name in a sentence
        return "in the centre of the picture" if place == "center" else f"in the {place} part of the picture"
    return f"{'on' if ' side' in place else 'in'} the {place}"


def _part_of_object(region: Region, heatmap: NativeMap) -> str:
    """Say in which thirds of the object's box, along the file's axes, a region lies: "+x, −z part of the object"."""
    points = getattr(heatmap, "points", None)
    if points is None:
        return "object"
    sample = points[:: max(1, len(points) // SAMPLES)]
    low, high = np.nanmin(sample, axis=0), np.nanmax(sample, axis=0)
    share = (np.array(region.centroid) - low) / np.maximum(high - low, np.finfo(np.float32).tiny)
    names = [
        ("\N{MINUS SIGN}" if at < 1 / 3 else "+") + axis
        for axis, at in zip("xyz", share, strict=True)
        if not 1 / 3 <= at <= 2 / 3
    ]
    return f"{', '.join(names)} part of the object" if names else "middle of the object"


def _centre(region: Region) -> str:
    if region.size_unit == "area_px":
        return f"centred on pixel ({region.centroid[0]:.0f}, {region.centroid[1]:.0f})"
    if region.size_unit == "volume_mm3" and region.centroid_world_mm is not None:
        axes = (f"{axis} = {signed(value)}" for axis, value in zip("xyz", region.centroid_world_mm, strict=True))
        return f"centred on {', '.join(axes)} mm, RAS"
    if region.size_unit == "voxels":
        return f"centred on voxel ({', '.join(f'{value:.0f}' for value in region.centroid)})"
    unit = f" {region.details['unit']}" if region.details.get("unit") else ""
    return f"centred on ({', '.join(number(value) for value in region.centroid)}){unit}"


def _share(region: Region, result: Result) -> str:
    if region.size_unit in ("volume_mm3", "voxels"):
        return ""
    whole = "picture" if region.size_unit == "area_px" else "points"
    return f" ({percent(region.size / result.heatmap.values.size)} of the {whole})"


def _extent(region: Region) -> list[str]:
    if region.details.get("diameter_mm"):
        return [f"is {number(region.details['diameter_mm'])} mm long"]
    extents = region.details.get("extents")
    if extents:
        return [f"is {number(extents[0])} {region.details.get('unit') or 'units'} long"]
    return []


def _peak(region: Region, result: Result) -> str:
    peak = f"peaks at {region.score:.2f}"
    if result.modality is Modality.VOLUME:  # kind: places in a body have words of their own
        return peak
    values = result.heatmap.values.ravel()
    rest = values[:: max(1, len(values) // SAMPLES)]
    rest = rest[rest < result.threshold]
    return f"{peak} against a median of {float(np.median(rest)):.2f} elsewhere" if len(rest) else peak


def _contrast(region: Region) -> str | None:
    """Compare a volume region's intensity to the ring around it."""
    inside, ring = region.details.get("mean_inside"), region.details.get("mean_ring")
    if inside is None or ring is None:
        return None
    if number(inside) == number(ring):
        return f"It is as bright as the tissue around it (mean value {number(inside)})."
    order = "brighter" if inside > ring else "darker"
    return f"It is {order} than the tissue around it (mean value {number(inside)} against {number(ring)})."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
