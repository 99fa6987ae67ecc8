"""Voxel-level quality and time of inspecting volumes, end to end.

    looktwice datasets synthesize TEMPLATES --out CASES --lesions MASKS --kinds bright,dark --count 20
    python benchmarks/volumes.py CASES/<category> [--planes axial all] [--without tissue mirror] [--smooth 0 2 4]
    python benchmarks/volumes.py --pair IMAGE MASK [--window auto brain] [--head HEAD.safetensors]

Every voxel of the head counts, skull and scalp included: AUROC, average precision (AP) and how many times the lesion's
share it is, and the Dice coefficient at the threshold and the highest of any. ``--without`` leaves sources of evidence
out, ``--smooth`` smooths the final map by so many millimetres, ``--head`` takes another head of the tissue source.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from looktwice.datasets.folder import open_folder
from looktwice.evidence import tissue
from looktwice.modalities.volumes import open_volume
from looktwice.pipeline import Inspector


def pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the anomalous cases of a benchmark folder with their masks."""
    for sample in open_folder(folder).samples():
        if sample.label and sample.mask is not None:
            yield sample.path, sample.mask


def measure(
    inspector: Inspector, image: Path, mask: Path, planes: str, window: str, smoothings: Sequence[float]
) -> Iterator[dict[str, float]]:
    """Yield what one inspection scores, for each smoothing of its map."""
    started, busy = time.perf_counter(), time.process_time()
    study = open_volume(image, planes=planes, window=window)
    result = inspector.look(study).result
    cost = {"score": result.score, "views": len(study.views()), "seconds": time.perf_counter() - started}
    cost["cpu_seconds"] = time.process_time() - busy
    inside = result.heatmap.foreground
    truth = (np.asarray(nib.load(mask).dataobj) > 0)[inside]
    for millimetres in smoothings:
        values = result.heatmap.values
        if millimetres:
            values = ndimage.gaussian_filter(values, [millimetres / size for size in study.spacing])
        yield agreement(truth, values[inside], result.threshold) | cost


def agreement(truth: npt.NDArray[np.bool_], values: npt.NDArray[np.float32], threshold: float) -> dict[str, float]:
    precision, recall, _ = precision_recall_curve(truth, values)
    average = float(average_precision_score(truth, values))
    above = values >= threshold
    return {
        "share": float(truth.mean()),
        "auroc": float(roc_auc_score(truth, values)),
        "ap": average,
        "lift": average / float(truth.mean()),
        "dice": 2 * float(np.sum(truth & above)) / float(np.sum(truth) + np.sum(above)),
        "best_dice": float((2 * precision * recall / np.maximum(precision + recall, 1e-9)).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="categories in the MVTec AD layout")
    parser.add_argument("--pair", nargs=2, type=Path, action="append", default=[], metavar=("IMAGE", "MASK"))
    parser.add_argument("--planes", nargs="+", default=["axial"], choices=["axial", "all"])
    parser.add_argument("--window", nargs="+", default=["auto"])
    parser.add_argument("--smooth", nargs="+", type=float, default=[0.0], metavar="MM")
    parser.add_argument("--head", type=Path, help="of the tissue source, in place of the shipped one")
    parser.add_argument("--without", nargs="*", default=[], metavar="SOURCE")
    parser.add_argument("--limit", type=int, default=1000, help="cases of each folder")
    parser.add_argument("--model", default="nano")
    arguments = parser.parse_args()
    if arguments.head:
        head = tissue.TissueProbes.load(arguments.head)
        tissue.shipped_probes = lambda: head  # type: ignore[assignment]
    inspector = Inspector(arguments.model, device="cpu")
    config = inspector.expert.config
    kept = {name: value for name, value in config.calibration.items() if name not in arguments.without}
    inspector.expert.config = replace(config, calibration=kept)
    cases = [tuple(pair) for pair in arguments.pair]
    cases += [case for folder in arguments.folders for case in list(pairs(folder))[: arguments.limit]]
    for planes, window in itertools.product(arguments.planes, arguments.window):
        rows: dict[float, list[dict[str, float]]] = {millimetres: [] for millimetres in arguments.smooth}
        for image, mask in cases:
            measured = measure(inspector, image, mask, planes, window, arguments.smooth)
            for millimetres, row in zip(arguments.smooth, measured, strict=True):
                rows[millimetres].append(row)
                name = f"{image.parent.name}/{image.name[:24]}"
                print(f"{planes} {window} {millimetres:g} mm {name:30}", words(row), flush=True)
        for millimetres, some in rows.items():
            means = {name: float(np.mean([row[name] for row in some])) for name in some[0]}
            print(f"{planes} {window} {millimetres:g} mm {'mean of ' + str(len(some)):30}", words(means))


def words(row: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in row.items())


if __name__ == "__main__":
    main()
