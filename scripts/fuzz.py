"""Mutated inputs through the real readers: `python -P scripts/fuzz.py --cases N --seed S`.

Each case is opened in a process of its own, forked after the imports, with limits on memory and time. A case passes if
it gives a study (of PLY and PCD: with as many points as the case's own header says), or the project's input error in
one line. Exit status 1 if any case does not.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import resource
import signal
import struct
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import open3d  # noqa: F401  # imported before the fork, as readers import it late
import scipy.ndimage  # noqa: F401
import tifffile
from PIL import Image

from looktwice.core.errors import InputError
from looktwice.modalities.opening import open_study

MEMORY = 3 << 30
SECONDS = 20


def seeds(folder: Path) -> list[Path]:
    """Write one small whole file of each format."""
    generator = np.random.default_rng(0)
    points = np.round(generator.normal(size=(60, 3)), 4).astype(np.float32)
    faces = np.arange(60, dtype=np.int32).reshape(-1, 3)
    rows = "".join("{:.4f} {:.4f} {:.4f}\n".format(*point) for point in points)
    corners = "".join("3 {} {} {}\n".format(*face) for face in faces)
    xyz = "property float x\nproperty float y\nproperty float z\n"
    head = f"ply\nformat FORM 1.0\nelement vertex 60\n{xyz}element face 20\n"
    head += "property list uchar int vertex_indices\nend_header\n"
    packed = b"".join(struct.pack("<B3i", 3, *face) for face in faces)
    pcd = "VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 60\nHEIGHT 1\nPOINTS 60\nDATA binary\n"
    stl = b"x".ljust(80) + struct.pack("<I", 20)
    stl += b"".join(struct.pack("<12fH", 0, 0, 0, *points[face].ravel(), 0) for face in faces)
    files = {
        "a.ply": (head.replace("FORM", "ascii") + rows + corners).encode(),
        "b.ply": head.replace("FORM", "binary_little_endian").encode() + points.tobytes() + packed,
        "c.pcd": pcd.encode() + points.tobytes(),
        "d.obj": ("".join(f"v {row}\n" for row in rows.splitlines()) + "f 1 2 3\n").encode(),
        "e.stl": stl,
        "f.off": ("OFF\n60 20 0\n" + rows + corners).encode(),
        "g.xyz": rows.encode(),
        "h.pts": ("60\n" + rows).encode(),
        "i.csv": ("x,y,z\n" + rows.replace(" ", ",")).encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    grey = generator.integers(0, 255, (32, 40), np.uint8)
    for name in ("j.png", "k.jpg", "l.bmp", "m.webp"):
        Image.fromarray(grey).save(folder / name)
    tifffile.imwrite(folder / "n.tif", grey.astype(np.uint16) * 100)
    tifffile.imwrite(folder / "o.tif", np.stack([grey / 255.0] * 3, axis=-1).astype(np.float32), photometric="rgb")
    nib.save(nib.Nifti1Image(generator.random((12, 12, 12), np.float32), np.eye(4)), folder / "p.nii")
    return sorted(folder.iterdir())


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Flip bits, cut, fill header fields with extremes, repeat or remove a part."""
    kind = chance.choice(("flip", "cut", "field", "digits", "repeat", "remove"))
    head = min(len(data), 400)
    out = bytearray(data)
    if kind == "flip":
        for _ in range(chance.choice((1, 4, 32))):
            out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del out[chance.randrange(len(out)) :]
    elif kind == "field":
        start = chance.randrange(head)
        extreme = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80"))
        out[start : start + 4] = extreme
    elif kind == "digits":
        places = [place for place in range(head) if 48 <= out[place] <= 57]
        if places:
            place = chance.choice(places)
            out[place : place + 1] = chance.choice((b"999999999999", b"-1", b"0", b"x", b"1e30"))
    else:
        start = chance.randrange(len(out))
        part = out[start : start + chance.randrange(1, 200)]
        out[start : start + (len(part) if kind == "remove" else 0)] = part * (kind == "repeat")
    return bytes(out)


def judge(path: Path) -> str:
    """Open one file in this process and say how it went; "ok" and "refused" are passes."""
    try:
        study = open_study(path)
        cloud = getattr(study, "cloud", None)
        if cloud is not None and cloud.colours is not None and len(cloud.colours) != len(cloud.points):
            return "wrong number of colours"
        expected = announced(path)
        if cloud is not None and expected is not None and len(cloud.points) != expected:
            return f"wrong number of points: {len(cloud.points)}, its header says {expected}"
    except InputError as error:
        return "refused" if "\n" not in str(error) else "an error of several lines"
    except MemoryError:
        return "out of memory"
    except BaseException as error:
        return f"traceback: {type(error).__name__}: {error}"
    return "ok"


def announced(path: Path) -> int | None:
    """Return the number of points that a PLY or PCD file's header says."""
    key = {".ply": b"element vertex ", ".pcd": b"POINTS "}.get(path.suffix)
    if key is None:
        return None
    lines = path.read_bytes()[:500].replace(b"\r", b"\n").split(b"\n")
    found = [line[len(key) :] for line in lines if line.startswith(key)]
    return int(found[-1]) if found and found[-1].strip().isdigit() else None


def isolated(path: Path) -> str:
    """Judge a file in a forked process with limits."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        signal.alarm(SECONDS)
        os.write(send, judge(path).encode()[:4000])
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return "too slow" if os.WTERMSIG(status) == signal.SIGALRM else f"died of signal {os.WTERMSIG(status)}"
    return said or "died without a word"


def fuzz(cases: int, seed: int, show: bool = True) -> dict[tuple[str, str], int]:
    """Run `cases` mutations; return how often each ending came for each kind of file."""
    chance = random.Random(seed)
    endings: collections.Counter[tuple[str, str]] = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        whole, work = Path(name, "whole"), Path(name, "work")
        whole.mkdir()
        work.mkdir()
        files = seeds(whole)
        for source in files:
            open_study(source)  # imports what its reader needs, so that forked cases do not
        for number in range(cases):
            source = files[number % len(files)]
            path = work / source.name
            path.write_bytes(mutate(source.read_bytes(), chance))
            said = isolated(path).replace(str(work), "")
            endings[source.name, said] += 1
            if show and said not in ("ok", "refused"):
                print(f"case {number}: {source.name}: {said[:300]}", flush=True)
    return dict(endings)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    endings = fuzz(arguments.cases, arguments.seed)
    totals: collections.Counter[str] = collections.Counter()
    for (_, said), count in endings.items():
        totals[said if said in ("ok", "refused") else "failed"] += count
    print(f"{arguments.cases} cases, seed {arguments.seed}: " + ", ".join(f"{n} {w}" for w, n in totals.items()))
    return int(totals["failed"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
