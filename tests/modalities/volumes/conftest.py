"""Volumes with something at a known place, and maps made from the views themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest


@cache
def _template() -> tuple[np.ndarray, np.ndarray]:
    from nilearn.datasets import load_mni152_template

    image = load_mni152_template(resolution=2)
    return np.asarray(image.dataobj, dtype=np.float32), image.affine


@pytest.fixture
def brain() -> tuple[np.ndarray, np.ndarray]:
    """The MNI152 T1 template at 2 mm: values in 0 ... 1 and the affine (RAS)."""
    data, affine = _template()
    return data.copy(), affine.copy()


@pytest.fixture
def add_blob() -> Callable[..., None]:
    """Make a ball brighter than everything else around a place in RAS millimetres."""

    def add(data: np.ndarray, affine: np.ndarray, world: tuple[float, float, float], radius: float = 8.0) -> None:
        grid = np.stack(np.meshgrid(*(np.arange(n) for n in data.shape), indexing="ij"), axis=-1)
        points = nib.affines.apply_affine(affine, grid)
        data[np.linalg.norm(points - world, axis=-1) <= radius] = 3 * data.max()

    return add


@pytest.fixture
def brightness_maps() -> Callable[..., np.ndarray]:
    """The share of nearly white pixels in each cell of each view, as an encoder's grid would have it."""

    def cell_shares(picture: np.ndarray, cells: int) -> np.ndarray:
        white = (picture.min(axis=2) > 200).astype(np.float64)
        sums = np.cumsum(np.cumsum(np.pad(white, ((1, 0), (1, 0))), axis=0), axis=1)
        at, edges = np.arange(len(sums)), np.linspace(0, len(white), cells + 1)
        rows = np.stack([np.interp(edges, at, column) for column in sums.T], axis=1)
        corners = np.stack([np.interp(edges, at, row) for row in rows])
        return np.diff(np.diff(corners, axis=0), axis=1) / (edges[1] - edges[0]) ** 2

    def make(study, cells: int = 32) -> np.ndarray:
        return np.stack([cell_shares(view.image, cells) for view in study.views()]).astype(np.float32)

    return make


@pytest.fixture
def save_nifti(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as NIfTI and return the path."""

    def save(data: np.ndarray, affine: np.ndarray | None = None, name: str = "case.nii.gz", kind=nib.Nifti1Image):
        path = tmp_path / name
        kind(data, np.eye(4) if affine is None else affine).to_filename(path)
        return path

    return save
