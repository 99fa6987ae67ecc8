"""Parts bent out of line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import Rotation

from looktwice.datasets.synthesis.shapes.mesh import Mesh, unit


def bend(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Bend a protruding part about a line through its root, growing over a short stretch."""
    normal = unit(rng.standard_normal(3))
    height = mesh.vertices @ normal
    order = np.argsort(height[mesh.faces].mean(axis=1))[::-1]
    passed = np.cumsum(mesh.areas[order]) / mesh.areas.sum()
    level = float(height[mesh.faces[order[int(np.searchsorted(passed, rng.uniform(0.06, 0.25)))]]].mean())
    above = height > level
    part = replace(mesh, faces=mesh.faces[above[mesh.faces].all(axis=1)])
    _, label = connected_components(part.graph, directed=False)
    bent = above & (label == label[int(np.argmax(height))])
    root = mesh.vertices[bent & (height < level + 0.05 * mesh.diagonal)].mean(axis=0)
    reach = float(height[bent].max() - level)
    axis = unit(np.cross(normal, unit(rng.standard_normal(3))))
    way = np.clip((height - level) / (0.5 * reach), 0, 1)
    angle = np.deg2rad(rng.uniform(14, 35)) * way**2 * (3 - 2 * way) * bent
    turned = Rotation.from_rotvec(angle[:, None] * axis).apply(mesh.vertices - root) + root
    shift = turned - mesh.vertices
    moved = np.linalg.norm(shift, axis=1)
    return mesh.moved(shift, np.clip(moved / max(float(moved.max()), 1e-12) * 1.5, 0, 1))
