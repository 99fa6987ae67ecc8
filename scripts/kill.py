"""Kill ``looktwice inspect`` by SIGKILL at random moments, resume it, and check that nothing is lost or half done.

``python -P scripts/kill.py --kills 50 --inputs 30`` inspects photographs, a volume, a cloud, a DICOM series and a
damaged file. Each run is a process of its own, forked after the imports, so that a kill costs seconds. Every other
round begins with the whole results of other options, so that folders are replaced and not only added. After each kill,
every study's folder must be whole and none that was finished may have changed; when all are done, ``results.jsonl``
must equal that of a run that nobody disturbed (times aside).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

OTHER_THRESHOLD = "0.4"


def main() -> None:
    """Parse the command line, and exit with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--inputs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_inputs(folder / "in", options.inputs)
        problems = trial(folder, options.kills, random.Random(options.seed))
    for problem in problems:
        print(f"problem: {problem}")
    sys.exit(1 if problems else 0)


def trial(folder: Path, kills: int, rng: random.Random) -> list[str]:
    """Kill so many runs; return what was wrong."""
    expected = {}
    for name in ("plain", "other"):
        started = time.perf_counter()
        wait(start(folder / "in", folder / name, name))
        seconds = time.perf_counter() - started
        expected[name] = records(folder / name)
        print(f"undisturbed run ({name}): {len(expected[name])} lines in {seconds:.1f} s", flush=True)
    problems: list[str] = []
    out, settings, killed, resumed = folder / "out", "plain", 0, 0
    finished: dict[str, int] = {}
    before = markers(out)
    while killed < kills:
        run = start(folder / "in", out, settings)
        done_alone = sleep_unless_done(run, rng.uniform(0, 0.6 * seconds))
        if not done_alone:
            os.kill(run, signal.SIGKILL)
            wait(run)
            killed += 1
        problems += broken(out)
        now = markers(out)
        for study, inode in finished.items():
            if now.get(study) != inode:
                problems.append(f"kill {killed}: {study} was finished and is lost or done twice")
        finished |= {study: inode for study, inode in now.items() if before.get(study) != inode}
        if killed % 10 == 0 and not done_alone:
            print(
                f"{killed} kills, {len(finished)} studies finished in this round, {len(problems)} problems", flush=True
            )
        if done_alone or killed == kills:
            resumed += 1
            wait(start(folder / "in", out, settings))
            problems += check_end(out, expected[settings], finished)
            settings = "other" if settings == "plain" else "plain"
            finished, before = {}, markers(out)
    print(f"{killed} kills, {resumed} rounds to their end, {len(problems)} problems", flush=True)
    return problems


def check_end(out: Path, expected: dict[str, Any], finished: dict[str, int]) -> list[str]:
    """Return what is wrong with the results when all inputs are done."""
    problems = [] if records(out) == expected else ["results.jsonl differs from that of an undisturbed run"]
    now = markers(out)
    problems += [f"{study} was done twice" for study, inode in finished.items() if now.get(study) != inode]
    left = [path.name for path in out.iterdir() if path.name.startswith(".")]
    return problems + [f"{name} was left behind" for name in left]


def broken(out: Path) -> list[str]:
    """Return which studies' folders look whole and are not."""
    from looktwice.core.study_marker import read_marker

    problems = []
    for folder in out.iterdir() if out.exists() else ():
        if folder.is_dir() and not folder.name.startswith("."):
            marker = read_marker(folder)
            if marker is None or not marker.is_whole(folder):
                problems.append(f"{folder.name} is not whole")
    return problems


def markers(out: Path) -> dict[str, int]:
    """Return when the report of each finished study was written, in nanoseconds."""
    return {
        folder.name: (folder / "report.json").stat().st_mtime_ns
        for folder in (out.iterdir() if out.exists() else ())
        if folder.is_dir() and not folder.name.startswith(".")
    }


def records(out: Path) -> dict[str, Any]:
    """Return the lines of ``results.jsonl`` by study, without their times."""
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    keyed = {line.get("study", line["input"]): {**line, "seconds": None} for line in lines}
    assert len(keyed) == len(lines), "a study has two lines"
    return keyed


def start(inputs: Path, out: Path, settings: str) -> int:
    """Begin an inspection in a process of its own."""
    from looktwice.cli import app

    child = os.fork()
    if child:
        return child
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    own = ["--threshold", OTHER_THRESHOLD] if settings == "other" else []
    try:
        app(["inspect", str(inputs), "--out", str(out), "--json", "--llm", "template", "--resume", *own])
    finally:
        os._exit(0)


def wait(run: int) -> None:
    """Wait for a process to end."""
    os.waitpid(run, 0)


def sleep_unless_done(run: int, seconds: float) -> bool:
    """Sleep, and tell whether the process ended by itself meanwhile."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        if os.waitpid(run, os.WNOHANG)[0]:
            return True
        time.sleep(0.01)
    return False


def make_inputs(folder: Path, count: int) -> None:
    """Write inputs of every kind, one of them damaged."""
    import nibabel as nib
    from pydicom.data import get_testdata_file

    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count - 4):
        pixels = rng.normal(120, 8, (96, 128, 3))
        pixels[20:40, 30 : 31 + number] = 20
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"plate {number:02}.png")
    axes = np.indices((24, 24, 24)) - 12
    nib.save(
        nib.Nifti1Image(((axes**2).sum(axis=0) < 81) * np.float32(100), np.diag([4.0, 4, 4, 1])), folder / "ball.nii.gz"
    )
    points = rng.normal(size=(600, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    np.savetxt(folder / "ball.xyz", points, fmt="%.5f")
    shutil.copy(str(get_testdata_file("CT_small.dcm")), folder / "slice.dcm")
    (folder / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")


def preload() -> None:
    """Import what every run needs, once."""
    import open3d  # noqa: F401
    import pydicom  # noqa: F401
    import SimpleITK  # noqa: F401

    import looktwice.pipeline  # noqa: F401


if __name__ == "__main__":
    preload()
    main()
