"""Where damage may lie on a surface, and how far things are along it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.csgraph import dijkstra

from looktwice.datasets.synthesis.shapes.mesh import Mesh, Points, unit

_RAYS = 24


def pick_place(rng: np.random.Generator, mesh: Mesh) -> int:
    """Draw a vertex that can be seen from outside, evenly over the surface."""
    faces = rng.choice(len(mesh.faces), 40, p=mesh.areas / mesh.areas.sum())
    vertices = mesh.faces[faces, rng.integers(3, size=len(faces))]
    directions = unit(rng.standard_normal((len(vertices), _RAYS, 3)))
    normals = mesh.normals[vertices][:, None]
    directions *= np.where((directions * normals).sum(axis=2, keepdims=True) < 0, -1, 1)
    free = np.isinf(cast(mesh, mesh.vertices[vertices][:, None] + normals * mesh.diagonal * 1e-3, directions)).mean(
        axis=1
    )
    open_enough = np.flatnonzero(free > 0.4)
    return int(vertices[open_enough[0] if len(open_enough) else np.argmax(free)])


def thickness(mesh: Mesh, vertex: int) -> float:
    """Return how far the surface opposite lies, straight inwards from a vertex; infinite where there is none."""
    inwards = -mesh.normals[vertex]
    start = mesh.vertices[vertex] + inwards * mesh.diagonal * 1e-3
    return float(cast(mesh, start[None], inwards[None])[0])


def cast(mesh: Mesh, origins: Points, directions: Points) -> Points:
    """Return how far rays go before they meet the mesh, (...,), infinite where they do not."""
    import open3d as o3d

    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    tensor: Any = o3d.core.Tensor.from_numpy
    scene.add_triangles(tensor(mesh.vertices.astype(np.float32)), tensor(mesh.faces.astype(np.uint32)))
    rays = np.concatenate(np.broadcast_arrays(origins, directions), axis=-1).astype(np.float32)
    return np.asarray(scene.cast_rays(tensor(rays))["t_hit"].numpy(), np.float64)


def distance_from(mesh: Mesh, vertex: int, limit: float) -> Points:
    """Return the distance along the surface from a vertex, (V,), infinite beyond `limit`."""
    return np.asarray(dijkstra(mesh.graph, indices=vertex, limit=limit))


def smooth_normals(mesh: Mesh, rounds: int = 8) -> Points:
    """Return vertex normals averaged over `rounds` rings of neighbours, so that creases do not tear."""
    linked = mesh.graph.copy()
    linked.data[:] = 1
    normals = mesh.normals
    for _ in range(rounds):
        normals = unit(normals + linked @ normals)
    return normals


def waves(rng: np.random.Generator, points: Points, length: float, number: int = 24) -> Points:
    """Return a smooth random field at `points` (n, 3), of unit variance and about `length` from crest to crest."""
    direction = unit(rng.standard_normal((number, 3)))
    pace = 2 * np.pi / length * rng.uniform(0.7, 1.4, number)
    phase = rng.uniform(0, 2 * np.pi, number)
    return np.asarray(np.cos(points @ (direction * pace[:, None]).T + phase).sum(axis=1) * np.sqrt(2 / number))
