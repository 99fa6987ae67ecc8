"""Parts broken off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, QhullError

from looktwice.datasets.synthesis.shapes.mesh import Mesh, Points, face_edges, unit
from looktwice.datasets.synthesis.shapes.surface import waves

_SHARE = (0.02, 0.12)


def broken_off(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Break a protruding part off; where the body is closed, the fracture is a rough surface."""
    normal = unit(rng.standard_normal(3))
    height = mesh.vertices @ normal
    # A share of the area, not of the vertices, lies beyond the fracture.
    order = np.argsort(height[mesh.faces].mean(axis=1))[::-1]
    passed = np.cumsum(mesh.areas[order]) / mesh.areas.sum()
    edge = order[int(np.searchsorted(passed, rng.uniform(*_SHARE)))]
    level = float(height[mesh.faces[edge]].mean())
    mesh = cut_at(mesh, height - level)
    height = mesh.vertices @ normal - level
    beyond = np.asarray((height[mesh.faces] > -1e-9 * mesh.diagonal).all(axis=1))
    gone = _tip(mesh, beyond, height)
    rim = np.clip(1 + height / (0.012 * mesh.diagonal), 0, 1) * _touching(mesh, gone)
    stump = Mesh(mesh.vertices, mesh.faces, np.maximum(mesh.damage, rim)).keep(~gone)
    cap = _cap(rng, mesh, gone, normal)
    return stump if cap is None else stump.joined(cap)


def cut_at(mesh: Mesh, height: Points) -> Mesh:
    """Split every face that crosses height 0, so that none does afterwards; neighbours stay joined."""
    height = np.where(np.abs(height) < 1e-7 * mesh.diagonal, 0.0, height)
    a, b = mesh.edges.T
    crossing = height[a] * height[b] < 0
    a, b = a[crossing], b[crossing]
    share = (height[a] / (height[a] - height[b]))[:, None]
    vertices = np.concatenate([mesh.vertices, mesh.vertices[a] * (1 - share) + mesh.vertices[b] * share])
    damage = np.concatenate([mesh.damage, mesh.damage[a] * (1 - share[:, 0]) + mesh.damage[b] * share[:, 0]])
    new = {pair: len(mesh.vertices) + i for i, pair in enumerate(zip(a.tolist(), b.tolist(), strict=True))}
    side = np.sign(height)[mesh.faces]
    crossed = (side.max(axis=1) > 0) & (side.min(axis=1) < 0)
    faces = [mesh.faces[~crossed]]
    for corners in mesh.faces[crossed].tolist():
        ring: list[tuple[int, float]] = []
        for p, q in zip(corners, [*corners[1:], corners[0]], strict=True):
            ring.append((p, height[p]))
            middle = new.get((min(p, q), max(p, q)))
            if middle is not None:
                ring.append((middle, 0.0))
        for part in ([v for v, h in ring if h >= 0], [v for v, h in ring if h <= 0]):
            faces.append(
                np.array([[part[0], part[i], part[i + 1]] for i in range(1, len(part) - 1)], np.int64).reshape(-1, 3)
            )
    return Mesh(vertices, np.concatenate(faces), damage)


def _tip(mesh: Mesh, beyond: np.ndarray, height: Points) -> np.ndarray:
    """Return which faces beyond the fracture hang together with the farthest point: one part breaks off, not all."""
    part = replace(mesh, faces=mesh.faces[beyond])
    _, label = connected_components(part.graph, directed=False)
    highest = part.faces[np.argmax(height[part.faces].max(axis=1)), 0]
    gone = np.zeros(len(mesh.faces), bool)
    gone[np.flatnonzero(beyond)[label[part.faces[:, 0]] == label[highest]]] = True
    return gone


def _touching(mesh: Mesh, gone: np.ndarray) -> Points:
    """Return 1 for vertices that hang together with the fracture within a short way, else 0."""
    from scipy.sparse.csgraph import dijkstra

    border = np.intersect1d(np.unique(mesh.faces[gone]), np.unique(mesh.faces[~gone]))
    touched = np.zeros(len(mesh.vertices))
    if len(border):
        near = dijkstra(mesh.graph, indices=border, limit=0.02 * mesh.diagonal, min_only=True)
        touched[np.isfinite(near)] = 1
    return touched


def _cap(rng: np.random.Generator, mesh: Mesh, gone: np.ndarray, normal: Points) -> Mesh | None:
    """Close the fracture by a rough surface; None where the body is no closed one."""
    loops = _loops(mesh, gone)
    if not loops:
        return None
    across = unit(np.cross(normal, [1.0, 0, 0] if abs(normal[0]) < 0.8 else [0, 1.0, 0]))
    axes = np.stack([across, np.cross(normal, across)])
    outlines = [mesh.vertices[loop] @ axes.T for loop in loops]
    border = np.concatenate(outlines)
    step = mesh.diagonal * 0.006
    low, high = border.min(axis=0), border.max(axis=0)
    grid = np.stack(np.meshgrid(*(np.arange(lo, hi, step) for lo, hi in zip(low, high, strict=True))), axis=2).reshape(
        -1, 2
    )
    grid = grid + rng.uniform(-0.3, 0.3, grid.shape) * step
    grid = grid[_inside(grid, outlines)]
    flat = np.concatenate([border, grid])
    try:
        triangles = Delaunay(flat).simplices
    except QhullError:
        return None
    triangles = triangles[_inside(flat[triangles].mean(axis=1), outlines)]
    if not len(triangles):
        return None
    a, b, c = (flat[triangles[:, corner]] for corner in range(3))
    turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    triangles = np.where(turn[:, None] < 0, triangles[:, ::-1], triangles)
    level = float((mesh.vertices[loops[0]] @ normal).mean())
    points = flat @ axes + level * normal
    rough = mesh.diagonal * rng.uniform(0.001, 0.003) * waves(rng, points, mesh.diagonal * rng.uniform(0.03, 0.08))
    rough[: len(border)] = 0
    return Mesh(points + rough[:, None] * normal, triangles.astype(np.int64), np.ones(len(points)))


def _loops(mesh: Mesh, gone: np.ndarray) -> list[list[int]]:
    """Return the closed borders of the part that goes, each as its vertices in order."""
    gone_edges, kept_edges = face_edges(mesh.faces[gone]), face_edges(mesh.faces[~gone])
    base = len(mesh.vertices)
    # A border runs one way along the part that goes and the other way along what stays.
    border = np.isin(gone_edges @ [base, 1], kept_edges @ [1, base])
    after = dict(gone_edges[border].tolist())
    loops = []
    while after:
        start, following = after.popitem()
        loop = [start]
        while following != start and following in after:
            loop.append(following)
            following = after.pop(following)
        if following == start and len(loop) > 5:
            loops.append(loop)
    return loops


def _inside(points: Points, outlines: list[Points]) -> np.ndarray:
    """Return which points (n, 2) lie in an odd number of outlines."""
    from skimage.measure import points_in_poly

    inside = np.zeros(len(points), bool)
    for outline in outlines:
        inside ^= points_in_poly(points, outline)
    return inside
