"""Measure what is found on machine parts in the settings that a plant has, alone and beside references.

    python -P benchmarks/cloud_parts.py [--shapes bracket bolt elbow cup bottle] [--parts 2] [--scans 4] [--keep FOLDER]

Every part is one draw of a made shape that no network was trained on. Its references are five scans of it, its tests
are new scans in slightly other poses: whole, from one side, on a table, and with three strays; sound and damaged in the
same numbers. All of them go through ``Inspector.look``. Beside the shipped evidence stand two plain recipes: alone, the
residual of a plane fitted to 16 neighbours; with references, the distance to the nearest after registration. Object
AUROC is taken over the scans of each part, and averaged over parts.
"""

from __future__ import annotations

import looktwice  # noqa: F401  before numpy and torch, whose idle threads it lets sleep

# isort: split
import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation
from sklearn.metrics import roc_auc_score

from looktwice.datasets.synthesis.shapes import KINDS, Mesh, damage_mesh, on_table, one_side, sample_cloud
from looktwice.datasets.synthesis.shapes.catalogue import SHAPES
from looktwice.evidence.comparisons.registration import PlacedElements, distance_over
from looktwice.modalities.pointclouds import open_pointcloud
from looktwice.pipeline import Inspector

REFERENCES, POINTS, NOISE = 5, 20_000, 0.0005
SETTINGS = ("whole", "one side", "table", "strays")
FIELDS = ("part", "setting", "damaged", "scores", "points")
COLUMNS = ("alone", "references", "plane fit", "nearest")


@dataclass
class Seen:
    """What one scan came to."""

    part: str
    setting: str
    damaged: bool
    scores: np.ndarray
    points: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="*", default=["bracket", "bolt", "elbow", "cup", "bottle"])
    parser.add_argument("--parts", type=int, default=2, help="parts of each shape")
    parser.add_argument("--scans", type=int, default=4, help="sound ones, and as many damaged ones, in each setting")
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS))
    parser.add_argument("--keep", type=Path, help="folder for what each part gave; a stopped run goes on")
    options = parser.parse_args()
    inspector, seen = Inspector("nano", device="cpu"), list[Seen]()
    for shape in options.shapes:
        for number in range(options.parts):
            file = None if options.keep is None else options.keep / f"{shape}{number}_{options.scans}.npz"
            if file is None or not file.exists():
                found = list(measure_part(inspector, shape, number, options))
                if file is not None:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    columns = zip(*(vars(one).values() for one in found), strict=True)
                    np.savez(file, **dict(zip(FIELDS, map(np.array, columns), strict=True)))
            else:
                with np.load(file, allow_pickle=False) as kept:
                    rows = zip(*(kept[name] for name in FIELDS), strict=True)
                    found = [Seen(str(part), str(how), bool(damaged), *rest) for part, how, damaged, *rest in rows]
            seen += found
            print(f"{shape} {number}: measured", flush=True)
    print_table(seen, options.settings)


def measure_part(inspector: Inspector, shape: str, number: int, options: argparse.Namespace) -> Iterator[Seen]:
    """Scan one part in every setting, and judge each scan by all four means."""
    rng = np.random.default_rng([77, sum(map(ord, shape)), number])
    mesh = SHAPES[shape](rng)
    references = [posed(rng, sample_cloud(rng, mesh, POINTS, NOISE).points) for _ in range(REFERENCES)]
    beside = inspector.comparing_with(references)
    placed = [PlacedElements.of(open_pointcloud(points)) for points in references]
    for setting in options.settings:
        for scan in range(2 * options.scans):
            damaged = scan % 2 == 1
            kind = list(KINDS)[(scan // 2 + number * options.scans) % len(KINDS)]
            try:
                points, labels = scanned(rng, damage_mesh(rng, mesh, kind)[0] if damaged else mesh, setting)
            except ValueError:
                continue
            alone, compared = (one.look(points).result for one in (inspector, beside))
            study = open_pointcloud(points)
            flat = np.quantile(study.shape[1]["flat16"], 0.99)
            apart = [distance_over(PlacedElements.of(study), other) for other in placed]
            nearest = np.min([one for one in apart if one is not None], axis=0, initial=99.0)
            scores = np.array([alone.score, compared.score, flat, np.quantile(nearest, 0.99)])
            areas = [
                roc_auc_score(labels, one.heatmap.values) if 0 < labels.sum() < len(labels) else np.nan
                for one in (alone, compared)
            ]
            yield Seen(f"{shape}{number}", setting, damaged, scores, np.array(areas))


def scanned(rng: np.random.Generator, mesh: Mesh, setting: str) -> tuple[np.ndarray, np.ndarray]:
    """Scan a part in a setting: points (P, 3) and labels (P,)."""
    if setting == "one side":
        cloud = one_side(rng, mesh, POINTS // 2, NOISE)
    else:
        cloud = sample_cloud(rng, on_table(rng, mesh) if setting == "table" else mesh, POINTS, NOISE)
    points, labels = cloud.points, cloud.labels
    if setting == "strays":
        far = mesh.vertices.mean(axis=0) + rng.normal(size=(3, 3)) * mesh.diagonal * rng.choice((3, 10, 100))
        points, labels = np.append(points, far.astype(np.float32), axis=0), np.append(labels, np.zeros(3, bool))
    return posed(rng, points), labels


def posed(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Turn and move a scan a little, as a part that is laid down again."""
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    turn = Rotation.from_rotvec(rng.normal(0, 0.05, 3))
    return (turn.apply(points) + rng.normal(0, 0.02 * min(size, 4.0), 3)).astype(np.float32)


def print_table(seen: list[Seen], settings: list[str]) -> None:
    """Print a row per setting, and one over all of them."""
    print("| setting | scans | object AUROC: " + " | ".join(COLUMNS) + " | point AUROC alone | references |")
    print("|---" * 8 + "|")
    for setting in [*settings, "all"]:
        chosen = [one for one in seen if setting in (one.setting, "all")]
        areas = []
        for part in sorted({one.part for one in chosen}):
            own = [one for one in chosen if one.part == part]
            truth = [one.damaged for one in own]
            if 0 < sum(truth) < len(truth):
                areas.append([roc_auc_score(truth, [one.scores[column] for one in own]) for column in range(4)])
        places = np.nanmean([one.points for one in chosen if one.damaged], axis=0)
        row = [f"{value:.3f}" for value in (*np.mean(areas, axis=0), *places)]
        print(f"| {setting} | {len(chosen)} | " + " | ".join(row) + " |")
    for name, column in (("alone", 0), ("references", 1)):
        for setting in [*settings, "all"]:
            chosen = [one for one in seen if setting in (one.setting, "all")]
            called = {
                damaged: [one.scores[column] >= 0.5 for one in chosen if one.damaged is damaged]
                for damaged in (False, True)
            }
            print(
                f"{name}, {setting}: {sum(called[False])} of {len(called[False])} sound called, "
                f"{sum(called[True])} of {len(called[True])} damaged found"
            )


if __name__ == "__main__":
    main()
