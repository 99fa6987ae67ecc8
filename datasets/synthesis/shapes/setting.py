"""How a part is met: whole, from the one side that a depth camera sees, or on a table."""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.shapes.mesh import Mesh, Points, unit
from looktwice.datasets.synthesis.shapes.sampling import LabelledCloud, sample_cloud
from looktwice.datasets.synthesis.shapes.surface import cast

# A surface that is met at a flatter angle than this (cosine) returns nothing.
_GRAZING = 0.1
# Half the side of a table, in diagonals of what stands on it.
_TABLE = (0.45, 0.8)
_CELLS = 60


def on_table(rng: np.random.Generator, mesh: Mesh) -> Mesh:
    """Stand a part on a flat square table, whichever way up."""
    up = unit(rng.standard_normal(3))
    first = unit(np.cross(up, (1.0, 0, 0) if abs(up[0]) < 0.8 else (0, 1.0, 0)))
    across = np.stack([first, np.cross(up, first)])
    middle = mesh.vertices.mean(axis=0)
    foot = middle + up * float(((mesh.vertices - middle) @ up).min())
    steps = np.linspace(-1, 1, _CELLS + 1) * rng.uniform(*_TABLE) * mesh.diagonal
    corners = foot + np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=2).reshape(-1, 2) @ across
    number = np.arange(len(corners)).reshape(_CELLS + 1, _CELLS + 1)
    a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    return mesh.joined(Mesh(corners, faces, np.zeros(len(corners))))


def one_side(rng: np.random.Generator, mesh: Mesh, count: int, noise: float = 0.0) -> LabelledCloud:
    """Scan a mesh from one side: `sample_cloud`, of which only what a viewer far away sees is kept.

    Damage is looked at: of a damaged mesh, the viewer stands where at least a part of it can be seen.

    Parameters
    ----------
    count : int
        About how many points are kept.

    Raises
    ------
    ValueError
        The damage cannot be seen from any of the sides tried.
    """
    marked = bool((mesh.damage > 0).any())
    for _ in range(12):
        toward = unit(rng.standard_normal(3))
        trial = sample_cloud(rng, mesh, 4000)
        seen = _seen(mesh, trial, toward)
        if marked and trial.labels[seen].sum() < max(0.4 * trial.labels.sum(), 2):
            continue
        cloud = sample_cloud(rng, mesh, int(count / max(float(seen.mean()), 0.1)), noise)
        kept = _seen(mesh, cloud, toward)
        return LabelledCloud(cloud.points[kept], cloud.normals[kept], cloud.labels[kept])
    raise ValueError("the damage cannot be seen from one side")


def _seen(mesh: Mesh, cloud: LabelledCloud, toward: Points) -> np.ndarray:
    """Return which points a viewer in direction `toward` sees."""
    facing = np.asarray(cloud.normals @ toward > _GRAZING)
    # Noise must not put a point behind its own surface.
    start = cloud.points[facing] + 0.006 * mesh.diagonal * cloud.normals[facing]
    free = np.isinf(cast(mesh, start, np.broadcast_to(toward, start.shape)))
    seen = np.zeros(len(cloud.points), bool)
    seen[np.flatnonzero(facing)[free]] = True
    return seen
