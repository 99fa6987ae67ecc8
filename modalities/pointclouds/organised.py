"""TIFF that holds x, y and z of every pixel, as MVTec 3D-AD's scans do, told from colour pictures in floats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud

_EXPLAINED = 0.8
"""Of the variance of two coordinates, what a plane over rows and columns explains. On a scan it is nearly all, whatever
the pose; on pictures of scenes and materials it is little, and the same direction for all three colours."""
_CROSSED = 0.3
_FEWEST, _MOST = 16, 40_000


def is_organised_tiff(path: Path) -> bool:
    """Tell whether a TIFF holds x, y, z in three floating-point channels; what holds a colour picture does not."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            shape = page.shape
            if page.dtype is None or page.dtype.kind != "f" or len(shape) != 3 or 3 not in (shape[0], shape[2]):
                return False
            return _is_surface(_channels_last(page.asarray()))
    except Exception:  # whatever a damaged TIFF makes the library raise: it is no scan
        return False


def read_organised_tiff(path: Path) -> Cloud:
    """Read a scan, pixel by pixel; zeros count as not measured.

    Raises
    ------
    InputError
        There is no scan in it.
    """
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        points = _channels_last(tiff.pages[0].asarray())
    if points.ndim != 3 or points.shape[2] != 3:
        raise InputError(f"{path}: the TIFF holds no x, y and z")
    flat = np.ascontiguousarray(points.reshape(-1, 3), np.float64 if points.dtype == np.float64 else np.float32)
    return Cloud(flat, missing=np.asarray(~flat.any(axis=1)))


def _channels_last(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.moveaxis(values, 0, -1) if values.shape[-1] != 3 else values


def _is_surface(points: npt.NDArray[Any]) -> bool:
    """Tell whether two channels grow with rows and columns, each in a direction of its own."""
    step = max(1, int(np.sqrt(points.shape[0] * points.shape[1] / _MOST)))
    rows, columns = np.mgrid[: points.shape[0] : step, : points.shape[1] : step]
    sample = points[::step, ::step].astype(np.float64)
    measured = np.isfinite(sample).all(axis=2) & sample.any(axis=2)
    if measured.sum() < _FEWEST:
        # Too little to judge by: three channels of floats without a picture in them.
        return True
    places = np.stack([rows[measured], columns[measured], np.ones(measured.sum())], axis=1)
    places[:, :2] -= places[:, :2].mean(axis=0)
    places[:, :2] /= np.maximum(places[:, :2].std(axis=0), 1e-9)
    values = sample[measured]
    slopes, *_ = np.linalg.lstsq(places, values, rcond=None)
    spread = values.var(axis=0)
    explained = 1 - (values - places @ slopes).var(axis=0) / np.maximum(spread, 1e-300)
    smooth = np.flatnonzero((explained >= _EXPLAINED) & (spread > 0))
    directions = slopes[:2, smooth] / np.maximum(np.linalg.norm(slopes[:2, smooth], axis=0), 1e-300)
    crossed = np.abs(directions[0][:, None] * directions[1] - directions[1][:, None] * directions[0])
    return bool(crossed.size and crossed.max() >= _CROSSED)
