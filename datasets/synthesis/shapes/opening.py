"""Holes."""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.shapes.mesh import Mesh, face_edges, unique_edges
from looktwice.datasets.synthesis.shapes.refine import refine
from looktwice.datasets.synthesis.shapes.surface import distance_from, pick_place, smooth_normals, thickness, waves


def hole(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Break a round or ragged hole into the wall; its own wall can be seen, and its rim is damaged too."""
    centre = pick_place(rng, mesh)
    radius = mesh.diagonal * rng.uniform(0.025, 0.07)
    mesh, gone = _pierced(rng, mesh, centre, radius)
    # The wall hangs from the border between the faces that go and those that stay.
    border = _border(mesh, gone)
    depth = min(radius * rng.uniform(0.4, 1.0), 0.8 * thickness(mesh, centre))
    outer = np.unique(border)
    number = np.zeros(len(mesh.vertices), np.int64)
    number[outer] = np.arange(len(outer))
    inwards = smooth_normals(mesh)[centre] * depth
    steps = 5
    rings = [mesh.vertices[outer] - inwards * step / steps for step in range(steps + 1)]
    a, b = number[border].T
    walls = []
    for step in range(steps):
        low, high = step * len(outer), (step + 1) * len(outer)
        # Wound to face the inside of the hole.
        walls += [np.stack([a + low, b + low, b + high], axis=1), np.stack([a + low, b + high, a + high], axis=1)]
    wall = Mesh(np.concatenate(rings), np.concatenate(walls), np.ones(len(outer) * (steps + 1)))
    return mesh.keep(~gone).joined(wall)


def puncture(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Break a hole into a skin too thin to show a wall, as in sheet metal, or where a scan has a gap."""
    mesh, gone = _pierced(rng, mesh, pick_place(rng, mesh), mesh.diagonal * rng.uniform(0.025, 0.08))
    return mesh.keep(~gone)


def _pierced(rng: np.random.Generator, mesh: Mesh, centre: int, radius: float) -> tuple[Mesh, np.ndarray]:
    """Return the mesh split finely about a hole, its rim marked as damaged, and which faces go."""
    away = distance_from(mesh, centre, 2.5 * radius)
    mesh = refine(mesh, np.where(np.isfinite(away), np.maximum(radius / 8, 0.5 * (away - 1.5 * radius)), np.inf))
    away = distance_from(mesh, centre, 3 * radius) / (1 + rng.uniform(0.02, 0.2) * waves(rng, mesh.vertices, radius))
    rim = np.clip((1.35 - away / radius) * 2.5, 0, 1)
    gone = np.asarray((away[mesh.faces] < radius).all(axis=1))
    return Mesh(mesh.vertices, mesh.faces, np.maximum(mesh.damage, rim)), gone


def _border(mesh: Mesh, gone: np.ndarray) -> np.ndarray:
    """Return the directed edges (n, 2) of faces that go, where the neighbour stays."""
    edges = face_edges(mesh.faces[gone])
    _, inverse, count = unique_edges(edges)
    return np.asarray(edges[count[inverse] == 1])
