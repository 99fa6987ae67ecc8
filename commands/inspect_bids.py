"""``looktwice inspect --bids``: a BIDS dataset in, a BIDS derivative out."""

# kinds: BIDS datasets hold volumes

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from looktwice.commands import terminal
from looktwice.core.result import Failure, Result, finite
from looktwice.modalities.inputs import Input
from looktwice.modalities.volumes.bids import find_images
from looktwice.modalities.volumes.bids_derivative import start_derivative, write_maps
from looktwice.modalities.volumes.voxel_map import VoxelMap
from looktwice.pipeline import Inspector


def inspect_bids(
    inspector: Inspector, dataset: Path, out: Path, arguments: Mapping[str, Any], as_json: bool, debug: bool
) -> int:
    """Inspect every anatomical image of a dataset and write maps, masks and sidecars; reports lie in ``reports/``.

    Parameters
    ----------
    inspector : Inspector
    dataset, out : Path
        The dataset and its derivative.
    arguments : mapping
        For ``Inspector.inspect_many``.
    as_json : bool
        One JSON object per image on stdout.
    debug : bool
        Show the traceback of what failed.

    Returns
    -------
    int
        How many images failed.
    """
    images = find_images(dataset)
    start_derivative(out, dataset)
    inputs = [Input(image.path, name=f"{image.entities}_{image.suffix}", modality="volume") for image in images]
    results = inspector.inspect_many(inputs, **{**arguments, "out": out / "reports", "resume": False})
    failed = 0
    for image, result in terminal.track(zip(images, results, strict=True), "inspecting", total=len(images)):
        if isinstance(result, Result):
            assert isinstance(result.heatmap, VoxelMap)
            write_maps(image, result.heatmap, result.threshold, _findings(result), out, anomalous=bool(result.regions))
        elif isinstance(result, Failure):
            failed += 1
            if debug:
                traceback.print_exception(result.reason)
            terminal.say(f"error: {result.reason}")
        if as_json:
            terminal.emit(result.to_json())
        elif isinstance(result, Result):
            terminal.say(f"{image.relative}: {result.verdict_in_words}, score {result.score:.2f}")
    return failed


def _findings(result: Result) -> dict[str, Any]:
    """Return what a map's sidecar says beside its provenance."""
    findings: dict[str, Any] = finite(
        {
            "Score": result.score,
            "Threshold": result.threshold,
            "Verdict": result.verdict,
            "Model": result.model,
            "Regions": [region.to_json() for region in result.regions],
        }
    )
    return findings
