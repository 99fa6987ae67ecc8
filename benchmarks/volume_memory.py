"""Peak memory of inspecting a 512×512 CT, by its number of slices.

Usage: python benchmarks/volume_memory.py [--slices 100 600] [--planes axial] [--model nano]

Each scan is made on the spot and inspected in a process of its own. Without ``--model`` the way through the volume
adapter alone is measured (read, slice, lift, regions, write), with it the whole of ``looktwice inspect``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
from isal import igzip

SIDE = 512
SPACING_MM = (0.8, 0.8, 1.0)


def write_ct(path: Path, slices: int) -> None:
    """Write a body of soft tissue with noise and one bright block, slice by slice."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    body = ((columns - SIDE / 2) / 200) ** 2 + ((rows - SIDE / 2) / 150) ** 2 < 1
    noise = np.random.default_rng(0).normal(0, 12, (4, SIDE, SIDE))
    header = nib.Nifti1Header()
    header.set_data_shape((SIDE, SIDE, slices))
    header.set_data_dtype(np.int16)
    header.set_sform(np.diag([*SPACING_MM, 1.0]), code=1)
    header["magic"], header["vox_offset"] = b"n+1", 352
    with igzip.open(path, "wb") as file:
        file.write(header.binaryblock.ljust(352, b"\0"))
        for k in range(slices):
            plane = np.where(body, 40, -1000) + noise[k % 4]
            if abs(k - slices // 2) < 10:
                plane[250:280, 300:330] = 300
            file.write(plane.astype("<i2").tobytes())


def through_the_adapter(path: Path, planes: str) -> None:
    from looktwice.modalities.volumes import open_volume

    study = open_volume(path, planes=planes)
    views = study.views()
    maps = np.zeros((len(views), 28, 28), np.float32)
    for view in views:
        maps[view.index, 14, 14:18] = view.image[..., 0].mean() / 255
    voxel_map = study.lift(maps)
    voxel_map.regions(float(maps.max()) / 2)
    voxel_map.save(path.with_name("heatmap.nii.gz"))


def measure(path: Path, planes: str, model: str | None) -> None:
    """Inspect one scan in this process and print what it took."""
    started = time.perf_counter()
    if model is None:
        through_the_adapter(path, planes)
    else:
        import looktwice

        looktwice.inspect(path, model, device="cpu", out=path.parent / "out", options={"planes": planes})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"seconds": time.perf_counter() - started, "cpu": time.process_time(), "peak_gb": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, nargs="+", default=[100, 600])
    parser.add_argument("--planes", default="axial", choices=["axial", "all"])
    parser.add_argument("--model")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure, arguments.planes, arguments.model)
        return
    for slices in arguments.slices:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ct.nii.gz"
            write_ct(path, slices)
            command = [sys.executable, __file__, "--measure", str(path), "--planes", arguments.planes]
            command += ["--model", arguments.model] if arguments.model else []
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": folder}
            )
            figures = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{slices} slices: peak {figures['peak_gb']:.2f} GB, {figures['seconds']:.1f} s, "
            f"{figures['cpu']:.1f} s of CPU time"
        )


if __name__ == "__main__":
    main()
