"""Synthetic lesions in MRI and CT, with a mask for every voxel.

Contrasts are in spreads of the tissue's own values, so that one painter serves scans of any unit.
"""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.volumes.anatomy import Anatomy, BoolArray, FloatArray, find_tissue
from looktwice.datasets.synthesis.volumes.lesions import KINDS
from looktwice.datasets.synthesis.volumes.variation import vary_scan

__all__ = ["KINDS", "Anatomy", "find_tissue", "synthesize_volume", "vary_scan"]

_TRIES = 10
_SMALLEST_VOXELS = 8
_FAINTEST = 0.3


def synthesize_volume(
    rng: np.random.Generator,
    anatomy: Anatomy,
    kind: str | None = None,
    shape: BoolArray | None = None,
) -> tuple[FloatArray, BoolArray, str]:
    """Paint one lesion (or one crop of plaques) into a scan.

    Parameters
    ----------
    rng : numpy Generator
    anatomy : Anatomy
        The scan, prepared by ``Anatomy.of(volume, spacing)``; its volume is not changed.
    kind : str, optional
        A key of ``KINDS``; by default drawn evenly.
    shape : bool, (I, J, K), optional
        A real lesion on the grid of the scan, whose form and place are taken with small changes; by default the form is
        made by rule.

    Returns
    -------
    volume : float32, (I, J, K)
    mask : bool, (I, J, K)
        Abnormal tissue: the lesion with its oedema. Tissue that mass effect only pushed aside is not marked; for
        kinds without mass effect nothing else changes by more than 0.3 spreads.
    kind : str

    Raises
    ------
    ValueError
        Unknown `kind`, or no lesion of 8 voxels that shows could be placed.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; choose from {', '.join(KINDS)}")
    name = kind or list(KINDS)[int(rng.integers(len(KINDS)))]
    for _ in range(_TRIES):
        lesion = KINDS[name](rng, anatomy, shape)
        change = np.abs(lesion.values - anatomy.volume[lesion.window])[lesion.mask]
        if change.size >= _SMALLEST_VOXELS and float(change.mean()) > _FAINTEST * anatomy.spread:
            volume, mask = anatomy.volume.copy(), np.zeros(anatomy.volume.shape, bool)
            volume[lesion.window] = lesion.values
            mask[lesion.window] = lesion.mask
            return volume, mask, name
    raise ValueError(f"no {name} could be placed in the tissue")
