"""Measure what is found in clouds with known damage, kind by kind and density by density.

    looktwice datasets synthesize MESHES cup bolt bracket elbow bottle --out BENCH --count 6 --points 20000,80000
    python benchmarks/clouds.py BENCH --out RESULTS [--minutes 9]
    python benchmarks/clouds.py --time 200000

Every cloud goes through ``Inspector.examine``. What it gave is kept in RESULTS, so that a stopped run goes on; the
table is printed over what is there. Shapes must not be among those that the geometry head was trained on.

Object metrics of a kind hold its clouds against all sound ones, over all shapes together. Point metrics pool the
points of all damaged clouds of a kind; AUPRO is taken to a false-positive rate of 0.3.

``--time`` inspects one made cloud of so many points several times, and holds the time against the encoder's own over
the same views, measured in turn in the same process: by the wall clock, and in seconds of processor, which other
programs on the machine disturb less but which do not show what runs side by side.
"""

from __future__ import annotations

import looktwice  # noqa: F401  before numpy and torch, whose idle threads it lets sleep

# isort: split
import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import open3d as o3d
import torch
from tqdm import tqdm

from looktwice.datasets.folder import open_folder
from looktwice.datasets.masks import load_mask
from looktwice.datasets.sample import GOOD, Sample
from looktwice.datasets.synthesis.shapes import damage_mesh, sample_cloud
from looktwice.datasets.synthesis.shapes.catalogue import SHAPES
from looktwice.evaluation.metrics import image_metrics
from looktwice.evaluation.pixels import PixelHistograms
from looktwice.modalities.pointclouds import open_pointcloud
from looktwice.pipeline import Inspector

# Clouds with fewer points are the sparse ones.
DENSE = 40_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="*", help="benchmark folders as `datasets synthesize` writes them")
    parser.add_argument("--out", type=Path, help="folder for what each cloud gave")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--minutes", type=float, default=np.inf, help="stop after so long; call again to go on")
    parser.add_argument("--time", type=int, metavar="POINTS", help="time the inspection of one made cloud instead")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    if options.time:
        return time_one(options.time, options.model, options.repeats)
    if not options.data or options.out is None:
        parser.error("give benchmark folders and --out, or --time")
    options.out.mkdir(parents=True, exist_ok=True)
    samples = [sample for folder in options.data for sample in open_folder(folder).samples() if sample.split == "test"]
    inspect_all(samples, options.out, options.model, time.monotonic() + 60 * options.minutes)
    print_tables([sample for sample in samples if kept(options.out, sample).exists()], options.out)


def time_one(count: int, model: str, repeats: int) -> None:
    """Print how long the inspection of a dented pipe of `count` points takes beside its encoder."""
    rng = np.random.default_rng(0)
    dented, _ = damage_mesh(rng, SHAPES["elbow"](rng), "dent")
    points = sample_cloud(rng, dented, count, 0.0005).points
    inspector = Inspector(model, device="cpu")
    taken = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "cloud.ply"
        o3d.t.io.write_point_cloud(str(path), o3d.t.geometry.PointCloud(o3d.core.Tensor.from_numpy(points)))
        for _ in range(repeats + 1):
            started = np.array((time.perf_counter(), time.process_time()))
            inspector.inspect(path)
            inspected = np.array((time.perf_counter(), time.process_time()))
            taken.append((inspected - started, encoder_seconds(inspector, path)))
    # The first warms up.
    whole, alone = (np.median([one[part] for one in taken[1:]], axis=0) for part in (0, 1))
    ratios = np.median([one / own for one, own in taken[1:]], axis=0)
    print(f"{count} points, {torch.get_num_threads()} threads of torch, median of {repeats}")
    for name, one, own, ratio in zip(("wall clock", "processor"), whole, alone, ratios, strict=True):
        print(f"{name}: inspected in {one:.3f} s, the encoder alone {own:.3f} s, ratio {ratio:.2f}")


def encoder_seconds(inspector: Inspector, path: Path) -> np.ndarray:
    """Return the seconds by the wall clock and of processor of the encoder's forward pass over all views at once."""
    encoder = inspector.expert.encoder
    pixels = encoder.preprocess([view.image for view in open_pointcloud(path).views()])
    started = np.array((time.perf_counter(), time.process_time()))
    with torch.inference_mode():
        encoder(pixels)
    return np.array((time.perf_counter(), time.process_time())) - started


def kept(out: Path, sample: Sample) -> Path:
    """Where the result of one cloud lies."""
    return out / f"{sample.dataset}_{sample.category}_{sample.defect}_{sample.path.stem}.npz"


def inspect_all(samples: list[Sample], out: Path, model: str, end: float) -> None:
    """Inspect what has no result yet, until `end`."""
    waiting = [sample for sample in samples if not kept(out, sample).exists()]
    inspector = Inspector(model) if waiting else None
    for sample in tqdm(waiting, "inspecting"):
        if inspector is None or time.monotonic() > end:
            return
        study = open_pointcloud(sample.path)
        result = inspector.look(study).result
        mask = load_mask(sample, (len(study.drawn),))
        # Written whole or not at all.
        temporary = out / "unfinished.npz"
        np.savez(
            temporary,
            score=result.score,
            values=result.heatmap.values.astype(np.float16),
            mask=mask,
            points=study.normalised,
            seconds=json.dumps(result.seconds),
        )
        temporary.replace(kept(out, sample))


def print_tables(samples: list[Sample], out: Path) -> None:
    """Print one row per kind of damage, per density and per shape."""
    results = {sample.path: np.load(kept(out, sample)) for sample in samples}
    sizes = {sample.path: len(results[sample.path]["values"]) for sample in samples}
    scores = {path: float(result["score"]) for path, result in results.items()}
    sound = [sample for sample in samples if sample.defect == GOOD]
    damaged = [sample for sample in samples if sample.defect != GOOD]
    print(f"{len(samples)} clouds of {len({s.category for s in samples})} shapes, {len(damaged)} damaged\n")
    print("| | damaged / sound | object AUROC | object AP | point AUROC | point AP | AUPRO |")
    print("|---|---|---|---|---|---|---|")
    rows: list[tuple[str, list[Sample], list[Sample]]] = []
    for kind in sorted({sample.defect for sample in damaged}):
        rows.append((kind, [sample for sample in damaged if sample.defect == kind], sound))
    for name, dense in (("sparse", False), ("dense", True)):
        rows.append((name, *([s for s in part if (sizes[s.path] >= DENSE) == dense] for part in (damaged, sound))))
    for shape in sorted({sample.category for sample in samples}):
        rows.append((shape, *([s for s in part if s.category == shape] for part in (damaged, sound))))
    rows.append(("**all**", damaged, sound))
    for name, bad, good in rows:
        chosen = [*good, *bad]
        objects = image_metrics([sample.label for sample in chosen], [scores[sample.path] for sample in chosen])
        places = PixelHistograms()
        for sample in bad:
            result = results[sample.path]
            places.add(result["values"].astype(np.float32), result["mask"], result["points"])
        found = [*list(objects.values())[:2], *(places.metrics()[key] for key in ("pixel_auroc", "pixel_ap", "aupro"))]
        shown = " | ".join("–" if value is None else f"{value:.3f}" for value in found)
        print(f"| {name} | {len(bad)} / {len(good)} | {shown} |")
    reached = np.array([scores[sample.path] >= 0.5 for sample in sound])
    found_share = np.array([scores[sample.path] >= 0.5 for sample in damaged])
    print(f"\nat threshold 0.5: {reached.mean():.0%} of sound, {found_share.mean():.0%} of damaged clouds are called")


if __name__ == "__main__":
    main()
