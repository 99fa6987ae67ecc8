"""Inspect a photograph, a brain volume and a shape, all out of installed packages, each with something wrong in it.

Usage: ``python scripts/demo.py [FOLDER]``; inputs and reports go to FOLDER (default ``demo``).
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import open3d as o3d
import skimage.data
from PIL import Image
from rich import box
from rich.table import Table

from looktwice.commands import terminal
from looktwice.datasets.synthesis.images import synthesize
from looktwice.datasets.synthesis.shapes import damage_mesh
from looktwice.datasets.synthesis.shapes.catalogue import vase
from looktwice.datasets.synthesis.volumes import Anatomy, synthesize_volume
from looktwice.pipeline import Inspector


def photograph(folder: Path) -> Path:
    """Lay a patch of another material, blended in, over a photograph of a brick wall."""
    picture = np.repeat(skimage.data.brick()[..., None], 3, axis=2)
    painted, _, _ = synthesize(picture, np.random.default_rng(1), "foreign_patch")
    path = folder / "brick.png"
    Image.fromarray(painted).save(path)
    return path


def brain(folder: Path) -> Path:
    """Paint a bright lesion into the MNI152 T1 template."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from nilearn.datasets import load_mni152_template

    template = load_mni152_template(resolution=1)
    across, along, up = (float(size) for size in template.header.get_zooms()[:3])
    anatomy = Anatomy.of(np.asarray(template.dataobj, np.float32), (across, along, up))
    painted, _, _ = synthesize_volume(np.random.default_rng(3), anatomy, "mass")
    path = folder / "brain.nii.gz"
    nib.save(nib.Nifti1Image(painted, template.affine), path)
    return path


def shape(folder: Path) -> Path:
    """Press a dent into a vase."""
    rng = np.random.default_rng(5)
    damaged, _ = damage_mesh(rng, vase(rng), "dent")
    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(damaged.vertices), o3d.utility.Vector3iVector(damaged.faces)
    )
    path = folder / "vase.ply"
    o3d.io.write_triangle_mesh(path, mesh)
    return path


def main(folder: Path) -> None:
    """Make the inputs, inspect them, and say where the reports are."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    paths = [photograph(inputs), brain(inputs), shape(inputs)]
    inspector = Inspector("nano")
    table = Table(box=box.SIMPLE_HEAD)
    for header in ("input", "score", "verdict", "regions", "seconds", "report"):
        table.add_column(header, overflow="fold")
    explanations = []
    for path in terminal.track(paths, "inspecting"):
        started = time.perf_counter()
        result = inspector.inspect(path, out=folder)
        seconds = time.perf_counter() - started
        report = folder / result.study / result.artifacts["report"]
        table.add_row(
            path.name,
            f"{result.score:.2f}",
            result.verdict_in_words,
            str(len(result.regions)),
            f"{seconds:.1f}",
            str(report),
        )
        explanations.append(f"{path.name}: {result.answer.text if result.answer else ''}")
    terminal.stdout.print(table)
    for explanation in explanations:
        terminal.stdout.print(explanation, highlight=False, markup=False)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
