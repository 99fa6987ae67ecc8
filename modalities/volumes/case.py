"""Several scans of one case, resampled to one grid and shown as the colour channels of one image."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from looktwice.core.errors import InputError, UsageError
from looktwice.modalities.volumes.reading import read_scan
from looktwice.modalities.volumes.scan import Scan
from looktwice.modalities.volumes.voxels import Voxels

COLOURS = ("red", "green", "blue")

SAME_GRID_MM = 0.01


def read_case(spec: str) -> tuple[Scan, list[Scan]]:
    """Read the scans of a case; the second and third on the grid of the first."""
    files = parse_case(spec)
    scans = [_read(path) for path in files.values()]
    first, *others = scans
    used = ", ".join(f"{colour} {name}" for colour, name in zip(COLOURS, files, strict=False))
    first.notes.append(f"scans shown as colours: {used}")
    return first, [_on_grid_of(first, other, name) for other, name in zip(others, list(files)[1:], strict=True)]


def _read(path: Path) -> Scan:
    try:
        return read_scan(path)
    except (InputError, OSError) as error:
        raise InputError(f"{path}: {error}") from error


def parse_case(spec: str) -> dict[str, Path]:
    """Return the paths by name, in the order given."""
    parts = re.split(r"(?:^|,)\s*(\w+)=", spec)
    names, paths = parts[1::2], [part.strip() for part in parts[2::2]]
    if parts[0] or not 2 <= len(names) <= len(COLOURS) or len(set(names)) < len(names) or not all(paths):
        raise UsageError(f"invalid case '{spec}'; give two or three scans as flair=PATH,t1=PATH")
    return {name: Path(path) for name, path in zip(names, paths, strict=True)}


def _on_grid_of(first: Scan, other: Scan, name: str) -> Scan:
    """Return `other` in the voxels of `first`; what lies outside it takes its lowest value."""
    if other.voxels.shape == first.voxels.shape and np.allclose(other.affine, first.affine, atol=SAME_GRID_MM):
        return other
    to_other = np.linalg.inv(other.affine) @ first.affine
    values = other.voxels[:, :, :]
    lowest = float(np.min(values, initial=np.inf, where=np.isfinite(values)))
    resampled = ndimage.affine_transform(
        np.where(np.isfinite(values), values, lowest) if other.voxels.floating else values,
        to_other[:3, :3],
        to_other[:3, 3],
        output_shape=first.voxels.shape,
        order=1,
        mode="constant",
        cval=lowest,
    )
    if resampled.max() == lowest:
        raise InputError(f"{other.source}: this scan does not overlap the first scan of the case")
    first.notes.append(f"{name} lies on another grid and was resampled to that of the first scan")
    return replace(other, voxels=Voxels(resampled), affine=first.affine)
