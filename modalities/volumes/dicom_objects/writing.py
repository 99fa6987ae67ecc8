"""Writing the results for a DICOM series as DICOM objects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset

from looktwice.core.study import Region
from looktwice.modalities.volumes.dicom_files import discreet
from looktwice.modalities.volumes.dicom_objects.equipment import NewObject
from looktwice.modalities.volumes.dicom_objects.measurement_report import measurement_report
from looktwice.modalities.volumes.dicom_objects.parametric_map import parametric_map, scores_on_frames
from looktwice.modalities.volumes.dicom_objects.segmentation import segmentation
from looktwice.modalities.volumes.dicom_objects.source import source_series
from looktwice.modalities.volumes.scan import Kind, Scan
from looktwice.modalities.volumes.voxel_map import VoxelMap

FIRST_SERIES_NUMBER = 9001


def write_dicom_objects(
    scan: Scan,
    kind: Kind,
    voxel_map: VoxelMap,
    regions: Sequence[Region],
    folder: Path,
    keep_identifiers: bool = False,
) -> dict[str, str]:
    """Write a Parametric Map, a Segmentation and a TID 1500 report that refer to the study's series.

    They share the series' frame of reference, so that any viewer lays them over it. The study's and the series' UIDs
    are kept, as references are made of them.

    Parameters
    ----------
    scan : Scan
        Read from DICOM.
    kind : Kind
        What its values mean.
    voxel_map : VoxelMap
    regions : sequence of Region
        As ``voxel_map.regions`` gave them.
    folder : Path
        Where the files go; made if it does not exist.
    keep_identifiers : bool
        Keep patient and study as they are; otherwise they are replaced by a stable pseudonym.

    Returns
    -------
    dict
        File names by "parametric_map", "segmentation" (only where there is a region) and "measurement_report".

    Raises
    ------
    InputError
        The scan is no DICOM series, or one that states no positions.
    """
    with discreet():
        return _write(scan, kind, voxel_map, regions, folder, keep_identifiers)


def _write(
    scan: Scan,
    kind: Kind,
    voxel_map: VoxelMap,
    regions: Sequence[Region],
    folder: Path,
    keep_identifiers: bool,
) -> dict[str, str]:
    source = source_series(scan, keep_identifiers)
    for_scores, for_segments, for_report = (
        NewObject(FIRST_SERIES_NUMBER + index, f"looktwice {what}")
        for index, what in enumerate(("anomaly scores", "anomalous regions", "measurements"))
    )
    scores = scores_on_frames(source, voxel_map)
    segmented = segmentation(source, voxel_map, regions, for_segments) if regions else None
    report = measurement_report(source, segmented, regions, float(scores.max()), kind, for_report)
    objects = {
        "parametric_map": parametric_map(source, scores, for_scores),
        "segmentation": segmented,
        "measurement_report": report,
    }
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _save(made, folder / f"{name}.dcm") for name, made in objects.items() if made is not None}


def _save(dataset: Dataset, path: Path) -> str:
    partial = path.with_name(f".{path.name}.partial")
    try:
        dataset.save_as(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path.name
