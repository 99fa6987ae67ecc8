"""What inspecting a volume costs beside its encoder: prints the ratio, the parts and the peak memory.

Usage: ``python benchmarks/pipeline.py [VOLUME] [--model nano]``; without a volume, the MNI152 template at 1 mm, on a
182 × 218 × 182 grid. The encoder's own forward time is measured in the same process over the same views, so that the
ratio does not depend on the machine.
"""

from __future__ import annotations

import looktwice  # noqa: F401  before numpy and torch, whose idle threads it lets sleep

# isort: split
import argparse
import resource
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from looktwice import modalities
from looktwice.evidence.encoding import CPU_BATCH
from looktwice.pipeline import Inspector

GRID = (182, 218, 182)


def made_volume(folder: Path) -> Path:
    from nilearn.datasets import load_mni152_template

    template = load_mni152_template(resolution=1)
    values = np.asarray(template.dataobj, np.float32)
    padded = np.zeros(GRID, np.float32)
    corner = [min(a, b) for a, b in zip(values.shape, GRID, strict=True)]
    padded[: corner[0], : corner[1], : corner[2]] = values[: corner[0], : corner[1], : corner[2]]
    path = folder / "template.nii.gz"
    nib.save(nib.Nifti1Image((padded / padded.max() * 1000).astype(np.int16), template.affine), path)
    return path


def encoder_seconds(inspector: Inspector, path: Path) -> float:
    """Forward time of the encoder over all views, preprocessed beforehand batch by batch."""
    views = modalities.open(path).views()
    encoder, total = inspector.expert.encoder, 0.0
    with torch.inference_mode():
        for start in range(0, len(views), CPU_BATCH):
            pixels = encoder.preprocess([views[i].image for i in range(start, min(start + CPU_BATCH, len(views)))])
            started = time.perf_counter()
            encoder(pixels)
            total += time.perf_counter() - started
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("volume", nargs="?", type=Path)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    inspector = Inspector(arguments.model, device="cpu")
    with tempfile.TemporaryDirectory() as scratch:
        path = arguments.volume or made_volume(Path(scratch))
        inspector.inspect(path, out=Path(scratch))  # warm up
        ratios = []
        for _ in range(arguments.repeats):
            result = inspector.inspect(path, out=Path(scratch))
            forward = encoder_seconds(inspector, path)
            ratios.append(result.seconds["total"] / forward)
            parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in result.seconds.items())
            print(f"{result.views} views; encoder forward {forward:.2f} s; {parts}; ratio {ratios[-1]:.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"median ratio {sorted(ratios)[len(ratios) // 2]:.2f}; peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
