"""An anomaly map on the pixels of a photograph."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image
from skimage.measure import label, regionprops

from looktwice.core.atomic import atomic_path
from looktwice.core.display import Display
from looktwice.core.study import FloatArray, NativeMap, Region

FULL_SCALE = 65535
"""The 16-bit grey value of a score of 1."""


class PixelMap(NativeMap):
    """An anomaly map of a photograph, (H, W) like the photograph itself after its EXIF orientation.

    Examples
    --------
    >>> values = np.zeros((20, 30), np.float32)
    >>> values[5:8, 10:14] = 0.9
    >>> (spot,) = PixelMap(values).regions(threshold=0.5)
    >>> spot.bbox, spot.centroid, spot.size
    ((10, 5, 14, 8), (11.5, 6.0), 12)
    """

    display: ClassVar[Display] = Display("photograph", "xy", unit="px", is_picture=True)

    def __init__(self, values: FloatArray) -> None:
        self.values = values

    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        """8-connected components above `threshold`; coordinates are (x, y) pixels."""
        labels = label(self.values >= threshold, connectivity=2)
        found = []
        for part in regionprops(labels, intensity_image=self.values):
            top, left, bottom, right = part.bbox
            row, column = part.centroid_weighted
            found.append(
                Region(
                    score=float(part.intensity_max),
                    size=int(part.area),
                    size_unit="area_px",
                    centroid=(float(column), float(row)),
                    bbox=(left, top, right, bottom),
                )
            )
        return sorted(found, key=lambda region: (region.score, region.size), reverse=True)[:limit]

    def write(self, folder: Path) -> dict[str, str]:
        """Write ``heatmap.png``: 16-bit grey, exactly the photograph's size, value = round(65535 · score)."""
        scores = np.clip(np.nan_to_num(self.values), 0.0, 1.0)
        grey = np.round(scores * FULL_SCALE).astype(np.uint16)
        with atomic_path(folder / "heatmap.png") as temporary:
            Image.fromarray(grey).save(temporary, format="PNG", compress_level=3)
        return {"heatmap": "heatmap.png"}
