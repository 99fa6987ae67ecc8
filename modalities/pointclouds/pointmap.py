"""One anomaly score per point of a file, in the file's order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from looktwice.core.display import Display, Viewer
from looktwice.core.study import BoolArray, FloatArray, NativeMap, Region, added_in_logits
from looktwice.modalities.pointclouds.export import EXPORTS, export_heatmap
from looktwice.modalities.pointclouds.placed import PlacedCloud
from looktwice.modalities.pointclouds.ply import write_scored_ply
from looktwice.modalities.pointclouds.regions import find_regions
from looktwice.modalities.pointclouds.viewer import cloud_viewer
from looktwice.modalities.rendering.renderer import Rendering

_COLOUR_MAP = "inferno"


class PointMap(NativeMap):
    """Scores of a cloud's points or of a mesh's vertices.

    Parameters
    ----------
    placed : PlacedCloud
        The cloud that is scored.
    renderings : sequence of Rendering
        Its views, for `in_views`.

    Attributes
    ----------
    values : float32, shape (P,)
        In [0, 1]; 0 for points that are not inspected.
    points : float32 or float64, shape (P, 3)
        As in the file.
    seen_count : uint8, shape (P,)
        How many views see each point.
    filled : bool, shape (P,)
        True where no view sees the point: its score is its neighbours', or 0 if it is not inspected.

    Examples
    --------
    >>> from looktwice.modalities.pointclouds.cloud import Cloud
    >>> x, y = np.meshgrid(np.arange(40.0), np.arange(40.0))
    >>> plate = PlacedCloud(Cloud(np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3)), Path("plate.ply"))
    >>> values = ((x < 6) & (y < 6)).astype(np.float32).ravel()
    >>> scores = PointMap(plate, values, np.ones(1600, np.uint8), np.zeros(1600, bool))
    >>> [(region.size, region.score) for region in scores.regions(threshold=0.5)]
    [(36.0, 1.0)]
    """

    overlapping_views: ClassVar[bool] = True
    display: ClassVar[Display] = Display("point cloud", "xyz")
    exports: ClassVar[tuple[str, ...]] = tuple(EXPORTS)

    def __init__(
        self,
        placed: PlacedCloud,
        values: FloatArray,
        seen_count: npt.NDArray[np.uint8],
        filled: BoolArray,
        renderings: Sequence[Rendering] = (),
    ) -> None:
        self.placed = placed
        self.values = values
        self.seen_count = seen_count
        self.filled = filled
        self._renderings = renderings

    def usual_and_highest(self) -> tuple[float, float]:
        """Return the median over the inspected points, and the highest value."""
        inspected = self.values[self.placed.drawn]
        return float(np.median(inspected)), float(inspected.max(initial=0.0))

    @property
    def object_size(self) -> float:
        """How many points are inspected."""
        return float(self.placed.drawn.sum())

    @property
    def points(self) -> npt.NDArray[np.floating]:
        """The file's points, in the file's order."""
        return self.placed.cloud.points

    def joined(self, highest: Sequence[FloatArray], added: Sequence[FloatArray], own: bool) -> PointMap:
        """Return a map that takes in values of points (P,); points that are not inspected stay 0; see ``NativeMap``."""
        values = np.max([*([self.values] if own else []), *highest], axis=0) if highest else self.values
        if added:
            inspected, before = self.placed.drawn, values
            values = np.zeros_like(before)
            values[inspected] = added_in_logits(before[inspected], np.sum(added, axis=0)[inspected])
        return PointMap(self.placed, np.asarray(values, np.float32), self.seen_count, self.filled, self._renderings)

    def regions(self, threshold: float, limit: int = 20) -> list[Region]:
        """Return the connected parts at or above `threshold`, the most suspicious first (see `regions`)."""
        return find_regions(self.placed, self.values, threshold, self.filled)[:limit]

    def in_views(self) -> FloatArray:
        """Return the scores of what each view shows, shape (V, S, S), 0 off the object: the way back from `lift`."""
        on_surface = np.append(self.placed.on_surface(self.values), np.float32(0))
        shown: FloatArray = np.stack([on_surface[rendering.index] for rendering in self._renderings])
        return shown

    @property
    def colours(self) -> npt.NDArray[np.uint8]:
        """The scores as colours, shape (P, 3), by a perceptually uniform map over [0, 1]."""
        from matplotlib import colormaps

        palette = (colormaps[_COLOUR_MAP](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
        colours: npt.NDArray[np.uint8] = palette[(np.clip(self.values, 0, 1) * 255).astype(np.uint8)]
        return colours

    def viewer(self, threshold: float, focus: tuple[float, ...] | None = None) -> Viewer | None:
        """Return the 3D view."""
        return cloud_viewer(self, threshold, focus)

    def export(self, kind: str, folder: Path) -> str:
        """Write ``heatmap.<kind>``; see `export.export_heatmap`."""
        return export_heatmap(self, kind, folder)

    def write(self, folder: Path) -> dict[str, str]:
        """Write ``heatmap.ply``."""
        self.save(folder / "heatmap.ply")
        return {"heatmap": "heatmap.ply"}

    def save(self, path: Path) -> None:
        """Write a binary PLY file that CloudCompare and MeshLab open.

        The points come in the file's order, a mesh with its faces, with colours by a perceptually uniform map over
        [0, 1] and the float properties ``scalar_anomaly_score`` and ``scalar_views_seen``.
        """
        scalars = {
            "scalar_anomaly_score": self.values,
            "scalar_views_seen": self.seen_count.astype(np.float32),
        }
        unit = f"unit {self.placed.unit}" if self.placed.unit else "unit unknown"
        write_scored_ply(Path(path), self.points, scalars, self.colours, self.placed.cloud.faces, ("looktwice", unit))
