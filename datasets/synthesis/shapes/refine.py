"""Splitting long edges, so that a surface can take fine damage."""

from __future__ import annotations

import numpy as np

from looktwice.datasets.synthesis.shapes.mesh import Faces, Mesh, Points, face_edges, unique_edges

MOST_FACES = 600_000


def refine(mesh: Mesh, target: float | Points) -> Mesh:
    """Split edges at their middles until none is longer than `target`; neighbouring faces stay joined.

    Parameters
    ----------
    mesh : Mesh
    target : float, or float (V,)
        Longest edge, in the mesh's unit, everywhere or at each vertex. Splitting ends at 600,000 faces.
    """
    size = np.broadcast_to(np.asarray(target, np.float64), len(mesh.vertices))
    while len(mesh.faces) < MOST_FACES:
        edges, inverse, _ = unique_edges(face_edges(mesh.faces))
        a, b = edges.T
        long = np.linalg.norm(mesh.vertices[a] - mesh.vertices[b], axis=1) > (size[a] + size[b]) / 2
        if not long.any():
            break
        middle = np.full(len(edges), -1, np.int64)
        middle[long] = len(mesh.vertices) + np.arange(int(long.sum()))
        a, b = edges[long].T
        faces = _split(mesh.faces, middle[inverse.reshape(-1, 3)])
        mesh = Mesh(
            np.concatenate([mesh.vertices, (mesh.vertices[a] + mesh.vertices[b]) / 2]),
            faces,
            np.concatenate([mesh.damage, (mesh.damage[a] + mesh.damage[b]) / 2]),
        )
        size = np.concatenate([size, (size[a] + size[b]) / 2])
    return mesh


def _split(faces: Faces, middles: Faces) -> Faces:
    """Split each face at the middles (F, 3) of its edges 01, 12, 20; -1 leaves an edge whole."""
    cut = middles >= 0
    number = cut.sum(axis=1)
    parts = [faces[number == 0]]

    one, first = faces[number == 1], np.argmax(cut[number == 1], axis=1)
    (a, b, c), (m, _, _) = _turned(one, first), _turned(middles[number == 1], first)
    parts += [np.stack([a, m, c], axis=1), np.stack([m, b, c], axis=1)]

    two, whole = faces[number == 2], np.argmin(cut[number == 2], axis=1)
    (a, b, c), (m, n, _) = _turned(two, whole + 1), _turned(middles[number == 2], whole + 1)
    parts += [np.stack(corners, axis=1) for corners in ((m, b, n), (a, m, n), (a, n, c))]

    (a, b, c), (m, n, o) = faces[number == 3].T, middles[number == 3].T
    parts += [np.stack(corners, axis=1) for corners in ((a, m, o), (m, b, n), (o, n, c), (m, n, o))]
    return np.concatenate(parts)


def _turned(rows: Faces, start: Faces) -> tuple[Faces, Faces, Faces]:
    """Return the three columns of `rows` (n, 3), each row rotated to begin at its `start`."""
    order = (start[:, None] + np.arange(3)) % 3
    a, b, c = np.take_along_axis(rows, order, axis=1).T
    return a, b, c
