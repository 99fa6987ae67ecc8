"""Measure simple and published methods on the same images and the same draws of references.

    python benchmarks/yardsticks.py DATA --anomalib PYTHON --out FILE.json [--folds a b] [--sets NAME ...]

DATA holds the sets of ``folds.yaml`` at any depth. Features are computed once a set. The scores of every image are
kept, so that differences are paired. A set that the file given with --out holds already is not measured again. PYTHON
is the interpreter of an environment with anomalib (``python -m venv ENV; ENV/bin/pip install anomalib``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fold_protocol import TestedSet, draw_set, names_tested
from fold_tables import yardstick_aurocs
from yardstick_methods import FeatureReader, Features, anomaly_dino, musc, plain

from looktwice.core.atomic import write_json
from looktwice.evaluation.trivial import measure_shortcuts, shortcut_aurocs
from looktwice.modalities.images import read_image

# Mutual scoring compares every image with every other one; at 448 px it would take an hour a set on two cores.
COHORT_SIDE = 224


def measure(one: TestedSet, reader: FeatureReader, small: FeatureReader, anomalib: Path) -> dict[str, Any]:
    """Return the scores of every tested image by every method, and the labels."""
    pictures = {path: read_image(path) for path in one.paths}
    features = reader.read(list(pictures.values()))
    row = {path: index for index, path in enumerate(pictures)}
    found: dict[str, Any] = {"draws": []}
    anomalous = [sample.path for sample in one.anomalous]
    for draw in one.draws:
        tested = [*draw.normal, *anomalous]
        references = features.rows([row[path] for path in draw.references])
        queries = features.rows([row[path] for path in tested])
        rotated = reader.rotated([pictures[path] for path in draw.references])
        scores = {
            "plain": plain(references, queries),
            "anomaly_dino": anomaly_dino(rotated, queries),
            "patchcore": patchcore(references, queries, anomalib),
        }
        found["draws"].append(
            {
                "inputs": [str(path.name) for path in tested],
                "labels": [0] * len(draw.normal) + [1] * len(anomalous),
                **{name: [round(float(value), 6) for value in values] for name, values in scores.items()},
            }
        )
    whole = [*one.normal, *anomalous]
    shortcuts = [measure_shortcuts(path, pictures[path].shape[:2], pictures[path]) for path in whole]
    labels = [0] * len(one.normal) + [1] * len(anomalous)
    found["trivial"] = shortcut_aurocs(labels, shortcuts)["best"]
    found["cohort"] = {
        "labels": labels,
        "musc": [round(float(v), 6) for v in musc(small.read([pictures[path] for path in whole]))],
    }
    return found


def patchcore(references: Features, tested: Features, anomalib: Path) -> list[float]:
    """Return the scores of anomalib's PatchCore on blocks 5 and 8 of DINOv2."""
    with tempfile.TemporaryDirectory() as folder:
        features, out = Path(folder) / "features.npz", Path(folder) / "scores.json"
        np.savez(features, references=_as_maps(references), tested=_as_maps(tested))
        script = Path(__file__).with_name("anomalib_patchcore.py")
        subprocess.run([str(anomalib), str(script), str(features), str(out)], check=True, stderr=subprocess.DEVNULL)
        scores: list[float] = json.loads(out.read_text())
        return scores


def _as_maps(features: Features) -> np.ndarray:
    side = round(features.blocks[1].shape[1] ** 0.5)
    stacked = torch.stack([features.blocks[1], features.blocks[2]], dim=1)
    return stacked.transpose(2, 3).unflatten(3, (side, side)).numpy()


def measured(
    data: Path, names: list[str], kept: dict[str, Any], anomalib: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each set with its scores, those that are kept first measured."""
    reader, small = FeatureReader(), FeatureReader(COHORT_SIDE)
    for name in names:
        if name not in kept:
            started = time.perf_counter()
            kept[name] = measure(draw_set(data, name), reader, small, anomalib)
            kept[name]["seconds"] = round(time.perf_counter() - started, 1)
        yield name, kept[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--anomalib", type=Path, required=True)
    parser.add_argument("--folds", nargs="+")
    parser.add_argument("--sets", nargs="+")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    kept = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    names = arguments.sets or names_tested(arguments.folds)
    asked = (arguments.data, names, kept, arguments.anomalib)
    rows = {}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for name, found in measured(*asked):
        write_json(kept, arguments.out)
        rows[name] = yardstick_aurocs(found)
        print(name, {method: round(value, 3) for method, value in rows[name].items()}, flush=True)
    means = {method: np.mean([row[method] for row in rows.values()]) for method in next(iter(rows.values()))}
    print("mean", {method: round(float(value), 3) for method, value in means.items()})


if __name__ == "__main__":
    main()
