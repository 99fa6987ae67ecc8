"""Long, thin damage along the surface: cracks, scratches, cuts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from looktwice.datasets.synthesis.shapes.mesh import Mesh, Points
from looktwice.datasets.synthesis.shapes.refine import refine
from looktwice.datasets.synthesis.shapes.surface import pick_place, smooth_normals


def crack(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Open a jagged, narrow, deep groove, sometimes with a branch."""
    lines = [_path(rng, mesh, pick_place(rng, mesh), rng.uniform(0.2, 0.5), jagged=1.5)]
    if rng.random() < 0.5:
        root = int(rng.choice(lines[0]))
        lines.append(_path(rng, mesh, root, rng.uniform(0.06, 0.15), jagged=1.5))
    path = np.concatenate([_dense(mesh.vertices[line], mesh.diagonal * 0.001) for line in lines])
    width, depth = rng.uniform(0.005, 0.009), rng.uniform(0.012, 0.03)
    return _carve(mesh, path, mesh.diagonal * width, mesh.diagonal * depth, burr=0.0)


def scratch(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Plough one to three shallow lines, with the material thrown up beside them."""
    start = pick_place(rng, mesh)
    width, depth = mesh.diagonal * rng.uniform(0.005, 0.009), mesh.diagonal * rng.uniform(0.005, 0.01)
    length = rng.uniform(0.2, 0.5)
    for _ in range(int(rng.integers(1, 4))):
        path = _dense(_straightened(mesh.vertices[_path(rng, mesh, start, length, jagged=0.1)]), mesh.diagonal * 0.001)
        mesh = _carve(mesh, path, width, depth, burr=0.5)
        start = int(np.argmin(np.linalg.norm(mesh.vertices - (path[0] + rng.normal(0, 3 * width, 3)), axis=1)))
    return mesh


def cut(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Saw a straight notch."""
    line = _path(rng, mesh, pick_place(rng, mesh), rng.uniform(0.12, 0.3), jagged=0.05)
    path = _dense(_straightened(mesh.vertices[line]), mesh.diagonal * 0.001)
    width, depth = rng.uniform(0.007, 0.013), rng.uniform(0.02, 0.05)
    return _carve(mesh, path, mesh.diagonal * width, mesh.diagonal * depth, burr=0.0)


def _path(rng: np.random.Generator, mesh: Mesh, start: int, length: float, jagged: float) -> np.ndarray:
    """Return vertices along a way over the surface, about `length` diagonals long; a `jagged` one wanders."""
    reach = mesh.diagonal * length
    graph = mesh.graph.copy()
    toll = np.exp(rng.normal(0, jagged, len(mesh.vertices)))
    graph.data *= toll[graph.indices] / toll.mean()
    straight = dijkstra(mesh.graph, indices=start, limit=reach)
    ends = np.flatnonzero(np.isfinite(straight) & (straight > 0.8 * reach))
    if not len(ends):
        ends = np.array([int(np.argmax(np.where(np.isfinite(straight), straight, -1)))])
    end = int(rng.choice(ends))
    _, before = dijkstra(graph, indices=start, return_predecessors=True)
    way = [end]
    while way[-1] != start and before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return np.array(way[::-1])


def _straightened(path: Points) -> Points:
    """Take the zigzag of the mesh's edges out of a path, its ends held."""
    for _ in range(30):
        path = (
            np.concatenate([path[:1], (path[:-2] + 2 * path[1:-1] + path[2:]) / 4, path[-1:]])
            if len(path) > 2
            else path
        )
    return path


def _dense(path: Points, step: float) -> Points:
    """Return points along a polyline, at most `step` apart."""
    parts = [np.linspace(a, b, max(2, int(np.linalg.norm(b - a) / step) + 1)) for a, b in pairwise(path)]
    return np.concatenate(parts) if parts else path


def _carve(mesh: Mesh, path: Points, width: float, depth: float, burr: float) -> Mesh:
    """Sink the surface along `path`; `burr` is the height of the ridges beside it, in depths."""
    tree = cKDTree(path)
    reach = width * (2.5 if burr else 1.2)
    near, _ = tree.query(mesh.vertices, distance_upper_bound=reach + mesh.diagonal * 0.03)
    fine = np.where(np.isfinite(near), np.maximum(width / 3, 0.5 * (near - reach)), np.inf)
    # The direction is the sound surface's own, from before the fine faces are made.
    mesh = refine(mesh, fine)
    normals = smooth_normals(mesh, rounds=3)
    away, _ = tree.query(mesh.vertices, distance_upper_bound=reach)
    inside = np.isfinite(away)
    at = np.where(inside, away, reach) / width
    ends = np.minimum(*(np.linalg.norm(mesh.vertices - end, axis=1) for end in (path[0], path[-1])))
    fade = np.clip(ends / (4 * width), 0.2, 1)
    sunk = np.where(inside, np.clip(1.2 - at, 0, 1), 0) ** (1.0 if not burr else 1.5)
    raised = burr * np.exp(-(((at - 1.5) / 0.45) ** 2)) * inside if burr else np.zeros_like(sunk)
    shift = fade * depth * (raised - sunk)
    damage = np.clip(np.abs(shift) / depth * 1.5, 0, 1)
    return mesh.moved(shift[:, None] * normals, damage)
