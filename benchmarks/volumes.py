"""Voxel-level quality and time of inspecting volumes, end to end.

    looktwice datasets synthesize TEMPLATES --out CASES --lesions MASKS --kinds bright,dark --count 20
    python benchmarks/volumes.py CASES/<category> [--planes axial all] [--without tissue mirror]
    python benchmarks/volumes.py --pair IMAGE MASK

Every voxel of the head counts, skull and scalp included: AUROC, average precision (AP) and how many times the lesion's
share it is, and the highest Dice coefficient of any threshold. ``--without`` leaves sources of evidence out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from looktwice.datasets.folder import open_folder
from looktwice.modalities.volumes import open_volume
from looktwice.pipeline import Inspector


def pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the anomalous cases of a benchmark folder with their masks."""
    for sample in open_folder(folder).samples():
        if sample.label and sample.mask is not None:
            yield sample.path, sample.mask


def measure(inspector: Inspector, image: Path, mask: Path, planes: str) -> dict[str, float]:
    study = open_volume(image, planes=planes)
    started = time.perf_counter()
    context = inspector.examine(study)
    seconds = time.perf_counter() - started
    heatmap = context.result.heatmap
    inside = heatmap.foreground
    truth = (np.asarray(nib.load(mask).dataobj) > 0)[inside]
    values = heatmap.values[inside]
    precision, recall, _ = precision_recall_curve(truth, values)
    average = float(average_precision_score(truth, values))
    return {
        "share": float(truth.mean()),
        "auroc": float(roc_auc_score(truth, values)),
        "ap": average,
        "lift": average / float(truth.mean()),
        "dice": float((2 * precision * recall / np.maximum(precision + recall, 1e-9)).max()),
        "score": context.result.score,
        "views": len(study.views()),
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="categories in the MVTec AD layout")
    parser.add_argument("--pair", nargs=2, type=Path, action="append", default=[], metavar=("IMAGE", "MASK"))
    parser.add_argument("--planes", nargs="+", default=["axial"], choices=["axial", "all"])
    parser.add_argument("--without", nargs="*", default=[], metavar="SOURCE")
    parser.add_argument("--limit", type=int, default=1000, help="cases of each folder")
    parser.add_argument("--model", default="nano")
    arguments = parser.parse_args()
    inspector = Inspector(arguments.model, device="cpu")
    config = inspector.expert.config
    kept = {name: value for name, value in config.calibration.items() if name not in arguments.without}
    inspector.expert.config = replace(config, calibration=kept)
    cases = [tuple(pair) for pair in arguments.pair]
    cases += [case for folder in arguments.folders for case in list(pairs(folder))[: arguments.limit]]
    for planes in arguments.planes:
        rows = []
        for image, mask in cases:
            rows.append(measure(inspector, image, mask, planes))
            print(f"{planes:6} {image.parent.name}/{image.name[:24]:24}", words(rows[-1]), flush=True)
        means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        print(f"{planes:6} {'mean of ' + str(len(rows)):24}", words(means))


def words(row: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in row.items())


if __name__ == "__main__":
    main()
