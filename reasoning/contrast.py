"""How the worst region of a study differs from what is around it, in one word."""

from __future__ import annotations

import numpy as np

from looktwice.core.study import Modality, Region
from looktwice.core.wording.appearance import contrast_of
from looktwice.core.wording.quantities import number
from looktwice.reasoning.base import StudyContext

CUT_OUT = 256
"""Pixels a side, about, of what a region and its surroundings are compared on."""


def measure_contrast(context: StudyContext) -> str | None:
    """Return "darker", "brighter", and for a photograph also "rougher" or "smoother", than what is around the region.

    None for a study that is normal or without a region, for a cloud, whose pictures are drawn, and where neither
    differs much. A volume is compared in its own values, a photograph in grey levels of the view.
    """
    result = context.result
    if result.verdict == "normal" or not result.regions or result.modality is Modality.POINTCLOUD:
        return None
    worst = result.regions[0]
    if result.modality is Modality.IMAGE:
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
