"""Say whether this checkout and an older one give the same scores, heat maps and verdicts.

Usage: ``python benchmarks/equal.py OLD_CHECKOUT [--data DATA] [--keep FOLDER]``. Photographs are inspected alone,
beside eight references and as a cohort; volumes and clouds alone, beside references and as cohorts. Inputs are made out
of what packages ship, or, with ``--data``, taken from a folder of benchmarks in the MVTec AD layout (``industrial/``,
``medical/``, ``pointcloud/``). Each checkout runs in a process of its own. Exit status 1 where anything differs by more
than the tolerance. ``--keep`` keeps what the old checkout gave, for the next call.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

TOLERANCE = 1e-5
HERE = Path(__file__).resolve().parents[1]

# Runs in either checkout: today's `Inspector` takes what to compare with at its construction, earlier ones by a method.
WORKER = """
import inspect as introspection, json, sys
import numpy as np
from pathlib import Path
from looktwice.pipeline import Inspector

jobs, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
takes = introspection.signature(Inspector.__init__).parameters
for name, job in jobs.items():
    paths, references = [Path(p) for p in job["inputs"]], [Path(p) for p in job["references"]]
    if "references" in takes:
        how = {"references": references} if references else {"cohort": paths} if job["cohort"] else {}
        inspector = Inspector("nano", "cpu", llm="template", **how)
    else:
        inspector = Inspector("nano", "cpu")
        if references:
            inspector.compare_with_references(references)
        elif job["cohort"]:
            inspector.compare_with_each_other(paths)
    for number, path in enumerate(paths):
        result = inspector.look(path).result
        heat = np.asarray(result.heatmap.values, np.float32)
        anomalous = result.verdict == "anomalous"
        np.savez(out / f"{name}-{number:03d}.npz", score=result.score, heat=heat, anomalous=anomalous)
        print(name, path.name, f"{result.score:.6f}", result.verdict, file=sys.stderr, flush=True)
"""


def made_inputs(folder: Path) -> dict[str, dict[str, object]]:
    """Paint anomalies into pictures, a brain and shapes that come in packages."""
    import nibabel as nib
    import open3d as o3d
    import skimage.data
    from nilearn.datasets import load_mni152_template
    from PIL import Image

    from looktwice.datasets.synthesis.images import synthesize
    from looktwice.datasets.synthesis.shapes import damage_mesh
    from looktwice.datasets.synthesis.shapes.catalogue import vase
    from looktwice.datasets.synthesis.volumes import Anatomy, synthesize_volume

    rng = np.random.default_rng(0)
    gravel = np.repeat(skimage.data.gravel()[..., None], 3, axis=2)
    corners = [(y, x) for y in (0, 256) for x in range(0, 256, 64)]
    crops = [np.ascontiguousarray(gravel[y : y + 256, x : x + 256]) for y, x in corners]
    pictures = [_save_picture(folder / f"crop{i}.png", crop) for i, crop in enumerate(crops)]
    flawed = [_save_picture(folder / f"flawed{i}.png", synthesize(crops[i], rng)[0]) for i in range(3)]
    _save_picture(folder / "wide.png", np.asarray(Image.fromarray(skimage.data.coffee())))

    template = load_mni152_template(resolution=2)
    anatomy = Anatomy.of(np.asarray(template.dataobj, np.float32), tuple(map(float, template.header.get_zooms()[:3])))
    brains = []
    for number in range(5):
        noisy = np.asarray(template.dataobj, np.float32)
        noisy = noisy * (1 + 0.02 * rng.standard_normal(noisy.shape, dtype=np.float32))
        values = synthesize_volume(rng, anatomy, "mass")[0] if number == 0 else noisy
        brains.append(folder / f"brain{number}.nii.gz")
        nib.save(nib.Nifti1Image(values, template.affine), brains[-1])

    clouds = []
    for number in range(5):
        mesh = vase(np.random.default_rng(5))
        if number == 0:
            mesh, _ = damage_mesh(rng, mesh, "dent")
        made = o3d.geometry.TriangleMesh(
            o3d.utility.Vector3dVector(mesh.vertices), o3d.utility.Vector3iVector(mesh.faces)
        )
        o3d.utility.random.seed(number)
        clouds.append(folder / f"vase{number}.ply")
        o3d.io.write_point_cloud(str(clouds[-1]), made.sample_points_uniformly(20_000))
    return _jobs([*flawed, pictures[7], folder / "wide.png"], pictures, brains, clouds)


def given_inputs(data: Path) -> dict[str, dict[str, object]]:
    """Take inputs of three kinds out of the data folder."""
    tiles, boards = data / "industrial/magnetic_tile", data / "industrial/deeppcb"
    volumes = sorted((data / "medical/volumes/healthy").glob("*t1*.nii.gz"))[:4]
    volumes += sorted((data / "medical/volumes/ms_patient07").glob("T1_*"))
    volumes += [data / "medical/volumes/clinical/CT_pitch.nii.gz"]
    clouds = [data / "pointcloud/meshes" / name for name in ("nut.ply", "igea.ply", "spot.obj", "ant.ply")]
    pictures, normal = [], []
    for folder in (tiles, boards):
        for defect in sorted((folder / "test").iterdir()):
            pictures += sorted(p for p in defect.iterdir() if p.is_file())[:3]
    normal = sorted((tiles / "train/good").iterdir())[:8]
    return _jobs(pictures, normal, volumes, clouds)


def _jobs(
    pictures: Sequence[Path], normal: Sequence[Path], volumes: Sequence[Path], clouds: Sequence[Path]
) -> dict[str, dict[str, object]]:
    def job(inputs: Sequence[Path], references: Sequence[Path] = (), cohort: bool = False) -> dict[str, object]:
        return {"inputs": [str(p) for p in inputs], "references": [str(p) for p in references], "cohort": cohort}

    return {
        "photographs": job(pictures),
        "photographs_references": job(pictures, normal),
        "photographs_cohort": job(pictures, cohort=True),
        "volumes": job(volumes),
        "volumes_references": job(volumes[:1], volumes[1:5]),
        "volumes_cohort": job(volumes, cohort=True),
        "clouds": job(clouds),
        "clouds_references": job(clouds[:1], clouds[1:]),
        "clouds_cohort": job(clouds, cohort=True),
    }


def _save_picture(path: Path, picture: np.ndarray) -> Path:
    from PIL import Image

    Image.fromarray(picture).save(path)
    return path


def run(checkout: Path, jobs: Path, out: Path, scratch: Path) -> None:
    """Let a checkout look at everything; files go to `out`."""
    package = scratch / checkout.name / "looktwice"
    package.parent.mkdir(parents=True)
    package.symlink_to(checkout.resolve())
    out.mkdir(parents=True, exist_ok=True)
    worker = scratch / "worker.py"
    worker.write_text(WORKER, encoding="utf-8")
    # The editable install would find this checkout; an earlier entry of the path goes first.
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    command = [sys.executable, str(worker), str(jobs), str(out)]
    subprocess.run(command, check=True, env=environment, cwd=scratch)


def compare(old: Path, new: Path) -> bool:
    """Print the largest differences of each kind of job; whether all are within the tolerance."""
    worst: dict[str, list[float]] = {}
    for path in sorted(old.glob("*.npz")):
        before, after = np.load(path), np.load(new / path.name)
        row = worst.setdefault(path.stem.rsplit("-", 1)[0], [0, 0.0, 0.0, 0])
        row[0] += 1
        row[1] = max(row[1], abs(float(before["score"] - after["score"])))
        same = before["heat"].shape == after["heat"].shape
        row[2] = max(row[2], float(np.nanmax(np.abs(before["heat"] - after["heat"]))) if same else float("inf"))
        row[3] += int(before["anomalous"] != after["anomalous"])
    print(f"{'':24}{'inputs':>8}{'score':>12}{'heat':>12}{'verdicts':>10}")
    for name, (count, score, heat, verdicts) in worst.items():
        print(f"{name:24}{count:8d}{score:12.2e}{heat:12.2e}{verdicts:10d}")
    return all(score <= TOLERANCE and heat <= TOLERANCE and not verdicts for _, score, heat, verdicts in worst.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path, help="folder of the older checkout")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--keep", type=Path, help="where the old checkout's output is kept, or is already")
    parser.add_argument("--only", help="jobs whose names begin so")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        kept = arguments.keep or scratch / "kept"
        inputs = kept / "inputs"
        inputs.mkdir(parents=True, exist_ok=True)
        listed = kept / "jobs.json"
        if not listed.exists():
            jobs = given_inputs(arguments.data) if arguments.data else made_inputs(inputs)
            listed.write_text(json.dumps(jobs), encoding="utf-8")
        jobs = {k: v for k, v in json.loads(listed.read_text()).items() if k.startswith(arguments.only or "")}
        chosen = scratch / "jobs.json"
        chosen.write_text(json.dumps(jobs), encoding="utf-8")
        if not list((kept / "old").glob("*.npz")):
            run(arguments.old, listed, kept / "old", scratch / "a")
        run(HERE, chosen, scratch / "new", scratch / "b")
        old = scratch / "old"
        old.mkdir()
        for path in (kept / "old").glob("*.npz"):
            if path.stem.rsplit("-", 1)[0] in jobs:
                (old / path.name).symlink_to(path.resolve())
        return 0 if compare(old, scratch / "new") else 1


if __name__ == "__main__":
    sys.exit(main())
