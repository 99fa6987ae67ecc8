"""Points that stand for "not measured": zeros, and numbers that no measurement gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from looktwice.modalities.pointclouds.cloud import Cloud

_FARTHEST = 1e15
"""In any unit farther than anything that is scanned; squares of it still fit into float32. Writers use 1e30 or the
largest float for "no value"."""


def without_placeholders(cloud: Cloud) -> Cloud:
    """Return the cloud with such points marked as missing, and a note that says so.

    One point at exactly (0, 0, 0) may be measured; two or more of a cloud are what RealSense, Ouster and MVTec 3D-AD
    write where nothing was. A mesh's vertices are kept.
    """
    notes = list(cloud.notes)
    missing = np.zeros(len(cloud.points), bool) if cloud.missing is None else cloud.missing.copy()
    with np.errstate(invalid="ignore"):
        far = (np.abs(cloud.points) > _FARTHEST).any(axis=1) & np.isfinite(cloud.points).all(axis=1)
    if far.any():
        notes.append(f'coordinates beyond {_FARTHEST:g} are taken for "not measured" ({int(far.sum())} points)')
    zeros = ~cloud.points.any(axis=1) & ~missing
    if cloud.faces is None and 1 < zeros.sum() < len(zeros):
        notes.append(f'points at exactly (0, 0, 0) are taken for "not measured" ({int(zeros.sum())} points)')
        missing |= zeros
    missing |= far
    return replace(cloud, missing=missing if missing.any() else None, notes=tuple(notes))
