"""Writing all files of one study's report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from looktwice.core.atomic import atomic_path, write_json
from looktwice.core.errors import InputError
from looktwice.core.result import Result, finite
from looktwice.core.study import FloatArray, Modality, Study
from looktwice.report.html import render_html
from looktwice.report.picture import Picture
from looktwice.report.sheet import contact_sheet, photograph_sheet


def write_study(
    result: Result,
    study: Study,
    maps: FloatArray,
    folder: Path,
    dicom: bool = False,
    keep_identifiers: bool = False,
    export: Sequence[str] = (),
) -> None:
    """Write everything that is asked for of one study into a folder that exists.

    Parameters
    ----------
    result : Result
        Its ``artifacts`` are added to. Where DICOM objects are asked for and cannot be written, its ``notes`` say why.
    study : Study
    maps : float32, shape (V, h, w)
        Of its views.
    folder : Path
    dicom : bool
        Whether to write DICOM objects; of a study that is no DICOM series with positions, a note says why there are
        none.
    keep_identifiers : bool
        Keep the patient's identity in them.
    export : sequence of str
        Further file formats; those that the study's map does not have are passed over.
    """
    if dicom:
        try:
            result.artifacts |= study.write_dicom(result.heatmap, result.regions, folder, keep_identifiers)
        except InputError as error:
            # What was found is as good without them.
            reason = str(error).removeprefix(f"{study.source}: ")
            result.notes.append(f"no DICOM objects were written: {reason}")
    chosen = [kind for kind in export if kind in result.heatmap.exports]
    result.artifacts |= {kind: result.heatmap.export(kind, folder) for kind in chosen}
    write_report(result, study, shown_pictures(result, study, maps), folder)


def shown_pictures(result: Result, study: Study, maps: FloatArray) -> list[Picture]:
    """Return the views that the report shows, with their maps; a photograph's map is the native one."""
    views = study.views()
    if result.modality is Modality.IMAGE:  # kind: a photograph's map is at its own size
        return [Picture("image", views[0].image, result.heatmap.values, result.score)]
    return [Picture(one.name, views[one.index].image, maps[one.index], one.score) for one in result.worst_views]


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
        Says how its views are shown to people.
    pictures : sequence of Picture
        The most suspicious views, the worst first; of an input that is a picture, itself at its own size.
    folder : Path
        Made if it does not exist.
    viewer : bool
        Whether the HTML holds the interactive viewer, where the heat map has one.

    Returns
    -------
    dict
        ``heatmap``, ``overlay``, ``report`` and ``json``: names of the files in `folder`.
    """
    started = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [replace(picture, image=study.shown(picture.image)) for picture in pictures]
    result.artifacts |= result.heatmap.write(folder)
    _write_overlay(result, pictures, folder / "overlay.png")
    result.artifacts |= {"overlay": "overlay.png", "report": "report.html", "json": "report.json"}
    focus = result.regions[0].centroid if result.regions else None
    shown = result.heatmap.viewer(result.threshold, focus) if viewer else None
    with atomic_path(folder / "report.html") as temporary:
        temporary.write_text(render_html(result, pictures, shown), encoding="utf-8")
    result.seconds["write"] = time.perf_counter() - started
    if "total" in result.seconds:
        result.seconds["total"] += result.seconds["write"]
    write_json(finite(result.to_json()), folder / "report.json", default=str)
    return result.artifacts


def _write_overlay(result: Result, pictures: Sequence[Picture], path: Path) -> None:
    if result.heatmap.display.is_picture:
        sheet = photograph_sheet(pictures[0], result.threshold, bool(result.regions))
    else:
        sheet = contact_sheet(pictures, result.threshold, bool(result.regions))
    with atomic_path(path) as temporary:
        sheet.save(temporary, format="PNG", compress_level=1)
