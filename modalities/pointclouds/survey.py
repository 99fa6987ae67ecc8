"""Laser scanners' formats, LAS/LAZ and E57, through the packages of the extra ``looktwice[scan]``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud


def read_las(path: Path) -> Cloud:
    """Read LAS or LAZ; coordinates as scaled by the header, in double precision.

    Raises
    ------
    InputError
        If laspy is not installed.
    ValueError
        If the file is damaged.
    """
    laspy = _require("laspy", path)
    try:
        las = laspy.read(path)
    except laspy.errors.LaspyException as error:
        raise ValueError(str(error)) from error
    colours = None
    if {"red", "green", "blue"} <= set(las.point_format.dimension_names):
        # The standard has 16 bits a channel; many writers use the lower 8 only.
        wide = np.stack([las.red, las.green, las.blue], axis=1)
        colours = (wide >> 8 if wide.max(initial=0) > 255 else wide).astype(np.uint8)
    return Cloud(np.asarray(las.xyz, np.float64), colours=colours)


def read_e57(path: Path) -> Cloud:
    """Read all scans of an E57 file (ASTM E2807) one after another, in metres and the file's common coordinates.

    Raises
    ------
    InputError
        If pye57 is not installed, or if the file holds no scan in Cartesian coordinates.
    ValueError
        If the file is damaged.
    """
    pye57 = _require("pye57", path)
    try:
        file = pye57.E57(str(path))
        scans = [_read_scan(path, file, number) for number in range(file.scan_count)]
        file.close()
    except pye57.libe57.E57Exception as error:
        raise ValueError("libE57 cannot read it") from error
    if not scans:
        raise InputError(f"{path}: E57 file without a scan")
    points, missing = (np.concatenate(parts) for parts in zip(*scans, strict=True))
    return Cloud(points, unit="m", missing=missing)


def _read_scan(path: Path, file: Any, number: int) -> tuple[np.ndarray, np.ndarray]:
    header = file.get_header(number)
    data = file.read_scan_raw(number)
    if "cartesianX" not in data:
        raise InputError(f"{path}: E57 scan in spherical coordinates: export it in Cartesian ones")
    points = np.stack([data["cartesianX"], data["cartesianY"], data["cartesianZ"]], axis=1).astype(np.float64)
    if header.has_pose():
        points = points @ header.rotation_matrix.T + header.translation
    missing = np.asarray(data.get("cartesianInvalidState", np.zeros(len(points)))) != 0
    return points, missing


def _require(package: str, path: Path) -> Any:
    try:
        return import_module(package)
    except ImportError as error:
        raise InputError(f"{path}: reading this needs `pip install 'looktwice[scan]'`") from error
