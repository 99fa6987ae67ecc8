"""Writing results on a BIDS dataset as a BIDS derivative (version 1.10 of the standard)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from looktwice.core.atomic import write_json
from looktwice.core.errors import InputError
from looktwice.core.version import __version__

if TYPE_CHECKING:
    from looktwice.modalities.volumes.bids import BidsImage
    from looktwice.modalities.volumes.voxel_map import VoxelMap

BIDS_VERSION = "1.10.0"


def start_derivative(out: Path, dataset: Path) -> None:
    """Write ``dataset_description.json`` of a derivative, and what validators must pass over.

    Raises
    ------
    InputError
        `out` is the dataset itself, or is another dataset.
    """
    description = out / "dataset_description.json"
    if out.resolve() == dataset.resolve():
        raise InputError("the derivative cannot be written into the dataset itself; choose another --out")
    if description.exists() and '"looktwice"' not in description.read_text(encoding="utf-8"):
        raise InputError(f"{out} already contains another dataset; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    link = Path(os.path.relpath(dataset.resolve(), out.resolve())).as_posix()
    write_json(
        {
            "Name": "looktwice anomaly maps",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": "looktwice", "Version": __version__}],
            "SourceDatasets": [{"URL": link}],
            "DatasetLinks": {"raw": link},
        },
        description,
    )
    (out / ".bidsignore").write_text("reports/\n", encoding="utf-8")
    (out / "README").write_text(
        "Anomaly maps (probseg, in [0, 1]) and the regions above the threshold (mask) of anatomical images,\n"
        "each on the grid of the image that `space` names. Research use only; not a medical device.\n",
        encoding="utf-8",
    )


def write_maps(
    image: BidsImage, heatmap: VoxelMap, threshold: float, findings: dict[str, Any], out: Path, anomalous: bool = True
) -> list[str]:
    """Write an image's anomaly map and the mask of its regions, with sidecars, into a derivative.

    Parameters
    ----------
    image : BidsImage
    heatmap : VoxelMap
    threshold : float
        Of the mask.
    findings : dict
        Goes into the map's sidecar.
    out : Path
        The derivative.
    anomalous : bool
        Whether the image has regions; no voxel of another one belongs to the mask.

    Returns
    -------
    list of str
        Files written, relative to `out`.
    """
    common = {"Sources": [image.uri], "SpatialReference": image.uri}
    described: Sequence[tuple[str, dict[str, Any]]] = (
        ("probseg", {**common, "Description": "Anomaly score of each voxel, in [0, 1]", **findings}),
        (
            "mask",
            {
                **common,
                "Type": "Lesion",
                "Description": "Voxels of the regions, at or above the threshold",
                "Threshold": threshold,
            },
        ),
    )
    written = []
    for suffix, sidecar in described:
        stem = out / image.derived(suffix)
        stem.parent.mkdir(parents=True, exist_ok=True)
        path = stem.with_name(f"{stem.name}.nii.gz")
        if suffix == "mask":
            heatmap.save_mask(path, threshold if anomalous else math.inf)
        else:
            heatmap.save(path)
        write_json(sidecar, stem.with_name(f"{stem.name}.json"))
        written.append(path.relative_to(out).as_posix())
    return written
