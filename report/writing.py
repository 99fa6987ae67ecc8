"""Writing all files of one study's report."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from looktwice.core.atomic import atomic_path
from looktwice.core.result import Result, finite
from looktwice.core.study import Modality, Study
from looktwice.report.heatmap import write_heatmap
from looktwice.report.html import render_html
from looktwice.report.picture import Picture
from looktwice.report.sheet import contact_sheet, photograph_sheet

if TYPE_CHECKING:
    from looktwice.modalities.pointclouds.pointmap import PointMap
    from looktwice.modalities.volumes.study import VolumeStudy
    from looktwice.modalities.volumes.voxel_map import VoxelMap


def write_report(
    result: Result, study: Study, pictures: Sequence[Picture], folder: Path, *, viewer: bool = True
) -> dict[str, str]:
    """Write the heatmap, the overlay, the HTML report and the JSON of one study.

    Each file is written under a temporary name and renamed, the JSON last, so that a folder with ``report.json`` is
    complete.

    Parameters
    ----------
    result : Result
        Its ``artifacts`` are added to. ``seconds["write"]`` is set to the time that everything before the JSON took,
        which is added to ``seconds["total"]``.
    study : Study
        Where the interactive viewer takes the anatomy from.
    pictures : sequence of Picture
        The most suspicious views, the worst first; for a photograph itself, at its own size.
    folder : Path
        Made if it does not exist.
    viewer : bool
        Whether the HTML holds the three-plane viewer (volumes) or the 3D view (clouds).

    Returns
    -------
    dict
        ``heatmap``, ``overlay``, ``report`` and ``json``: names of the files in `folder`.
    """
    started = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    if result.modality is Modality.VOLUME:
        pictures = [_in_first_window(picture) for picture in pictures]
    heatmap = write_heatmap(result.heatmap, result.modality, folder)
    _write_overlay(result, pictures, folder / "overlay.png")
    result.artifacts |= {"heatmap": heatmap, "overlay": "overlay.png", "report": "report.html", "json": "report.json"}
    viewers = _viewers(result, study) if viewer else {}
    with atomic_path(folder / "report.html") as temporary:
        temporary.write_text(render_html(result, pictures, **viewers), encoding="utf-8")
    result.seconds["write"] = time.perf_counter() - started
    if "total" in result.seconds:
        result.seconds["total"] += result.seconds["write"]
    with atomic_path(folder / "report.json") as temporary:
        text = json.dumps(finite(result.to_json()), indent=2, ensure_ascii=False, allow_nan=False, default=str)
        temporary.write_text(text + "\n", encoding="utf-8")
    return result.artifacts


def _in_first_window(picture: Picture) -> Picture:
    """Show a slice in grey, in its first intensity window; encoders read three windows as colours, people do not."""
    return replace(picture, image=np.repeat(picture.image[..., :1], 3, axis=2))


def _write_overlay(result: Result, pictures: Sequence[Picture], path: Path) -> None:
    if result.modality is Modality.IMAGE:
        sheet = photograph_sheet(pictures[0], result.threshold)
    else:
        sheet = contact_sheet(pictures, result.threshold)
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG", compress_level=1)


def _viewers(result: Result, study: Study) -> dict[str, Any]:
    focus = result.regions[0].centroid if result.regions else None
    if result.modality is Modality.VOLUME:
        from looktwice.modalities.volumes.viewer import volume_viewer

        voxels = cast("VoxelMap", result.heatmap)
        return {"volume_viewer": volume_viewer(cast("VolumeStudy", study), voxels, focus)}
    if result.modality is Modality.POINTCLOUD:
        from looktwice.modalities.pointclouds.viewer import cloud_viewer

        return {"cloud_viewer": cloud_viewer(cast("PointMap", result.heatmap), result.threshold, focus)}
    return {}
