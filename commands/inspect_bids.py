"""``looktwice inspect --bids``: a BIDS dataset in, a BIDS derivative out."""

# kinds: BIDS datasets hold volumes

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from looktwice.commands import terminal
from looktwice.core.errors import InputError
from looktwice.core.result import Result, finite
from looktwice.modalities.inputs import Input
from looktwice.modalities.volumes.bids import find_images
from looktwice.modalities.volumes.bids_derivative import start_derivative, write_maps
from looktwice.modalities.volumes.voxel_map import VoxelMap
from looktwice.pipeline import Inspector


def inspect_bids(inspector: Inspector, dataset: Path, out: Path, arguments: Mapping[str, Any], as_json: bool) -> int:
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

    Returns
    -------
    int
        How many images failed.
    """
    images = find_images(dataset)
    start_derivative(out, dataset)
    failed = 0
    for image in terminal.track(images, "inspecting", total=len(images)):
        folder = f"{image.entities}_{image.suffix}"
        try:
            result = inspector.inspect(
                Input(image.path, name=folder, modality="volume"), **{**arguments, "out": out / "reports"}
            )
            assert isinstance(result.heatmap, VoxelMap)
            write_maps(image, result.heatmap, result.threshold, _findings(result), out, anomalous=bool(result.regions))
        except InputError as error:
            failed += 1
            terminal.say(f"error: {error}")
            if as_json:
                terminal.emit({"input": str(image.path), "error": str(error)})
            continue
        if as_json:
            terminal.emit(result.to_json())
        else:
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
