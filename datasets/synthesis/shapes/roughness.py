"""Rough patches."""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.shapes.mesh import Mesh
from looktwice.datasets.synthesis.shapes.refine import refine
from looktwice.datasets.synthesis.shapes.surface import distance_from, pick_place, smooth_normals, waves


def rough(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Make a patch grainy: ripples of 1.2 % to 3.5 % of the diagonal, a twentieth to a seventh as high."""
    centre = pick_place(rng, mesh)
    radius = mesh.diagonal * rng.uniform(0.08, 0.18)
    length = mesh.diagonal * rng.uniform(0.012, 0.035)
    away = distance_from(mesh, centre, 1.3 * radius)
    mesh = refine(mesh, np.where(np.isfinite(away), np.maximum(length / 5, 0.5 * (away - radius)), np.inf))
    away = distance_from(mesh, centre, 1.3 * radius) / (radius * (1 + 0.1 * waves(rng, mesh.vertices, radius)))
    patch = np.clip((1 - away) * 4, 0, 1)
    height = length * rng.uniform(0.05, 0.14)
    ripple = waves(rng, mesh.vertices, length, number=40)
    return mesh.moved((height * patch * ripple)[:, None] * smooth_normals(mesh, rounds=3), patch)
