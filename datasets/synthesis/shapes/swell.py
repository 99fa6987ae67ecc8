"""Bulges and dents."""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.shapes.mesh import Mesh, unit
from looktwice.datasets.synthesis.shapes.surface import distance_from, pick_place, smooth_normals, thickness, waves


def bulge(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Push a patch outwards."""
    return _swell(rng, mesh, 1)


def dent(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Press a patch inwards, at most half through the wall."""
    return _swell(rng, mesh, -1)


def _swell(rng: np.random.Generator, mesh: Mesh, sign: int) -> Mesh:
    centre = pick_place(rng, mesh)
    radius = mesh.diagonal * rng.uniform(0.05, 0.13)
    height = radius * rng.uniform(0.3, 0.6)
    if sign < 0:
        height = min(height, 0.5 * thickness(mesh, centre))
    # A lumpy outline and a profile between a dome and a plateau.
    away = distance_from(mesh, centre, 1.5 * radius) / (radius * (1 + 0.12 * waves(rng, mesh.vertices, 1.5 * radius)))
    profile = np.clip(1 - np.minimum(away, 1) ** rng.uniform(2, 4), 0, 1) ** 2
    normals = smooth_normals(mesh)
    direction = unit(normals + normals[centre])
    return mesh.moved(sign * height * profile[:, None] * direction, profile)
