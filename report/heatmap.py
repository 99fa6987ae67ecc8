"""The heatmap file: every pixel, voxel or point of the input with its score."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, cast

import numpy as np
from PIL import Image

from looktwice.core.atomic import atomic_path
from looktwice.core.study import FloatArray, Modality, NativeMap

FULL_SCALE = 65535
"""The 16-bit grey value of a score of 1."""


class Savable(Protocol):
    """A native map that has a file format of its own; it writes the file whole or not at all."""

    def save(self, path: Path) -> None:
        """Write the map to `path`."""


def write_heatmap(heatmap: NativeMap, modality: Modality, folder: Path) -> str:
    """Write a map in its input's own kind of file and return the file's name.

    Photographs give ``heatmap.png``, 16-bit grey, exactly the photograph's size, value = round(65535 · score).
    Volumes give ``heatmap.nii.gz`` and clouds ``heatmap.ply``, as their maps save them.
    """
    if modality is Modality.IMAGE:
        _write_png(heatmap.values, folder / "heatmap.png")
        return "heatmap.png"
    name = "heatmap.nii.gz" if modality is Modality.VOLUME else "heatmap.ply"
    cast(Savable, heatmap).save(folder / name)
    return name


def _write_png(values: FloatArray, path: Path) -> None:
    scores = np.clip(np.nan_to_num(values), 0.0, 1.0)
    grey = np.round(scores * FULL_SCALE).astype(np.uint16)
    with atomic_path(path) as temporary:
        Image.fromarray(grey).save(temporary, format="PNG", compress_level=3)
