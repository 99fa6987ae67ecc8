"""The triangle mesh that shapes are damaged on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError

Points = npt.NDArray[np.float64]
Faces = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh with the trace of its damage.

    Attributes
    ----------
    vertices : float64, (V, 3)
    faces : int64, (F, 3)
        Counter-clockwise seen from outside.
    damage : float64, (V,)
        In [0, 1]: how far a vertex is from where it was, beside the vertex farthest away; 0 on a sound mesh.

    Examples
    --------
    >>> from looktwice.datasets.synthesis.shapes import Mesh
    >>> square = Mesh.of([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    >>> float(square.areas.sum())
    1.0
    """

    vertices: Points
    faces: Faces
    damage: Points

    @classmethod
    def of(cls, vertices: npt.ArrayLike, faces: npt.ArrayLike) -> Mesh:
        """Make a sound mesh: vertices at one place are merged, faces without area dropped.

        Raises
        ------
        InputError
            No face with an area is left, or a vertex is not finite.
        """
        points = np.asarray(vertices, np.float64).reshape(-1, 3)
        triangles = np.asarray(faces, np.int64).reshape(-1, 3)
        if not len(triangles) or not np.isfinite(points).all():
            raise InputError("the mesh has no faces, or vertices that are not finite: a closed surface is needed")
        step = max(float(np.linalg.norm(np.ptp(points, axis=0))) * 1e-6, 1e-300)
        _, first, inverse = np.unique(
            np.rint(points / step).astype(np.int64), axis=0, return_index=True, return_inverse=True
        )
        mesh = cls(points[first], inverse.reshape(-1)[triangles], np.zeros(len(first)))
        sound = mesh.areas > step**2
        if not sound.any():
            raise InputError("no face of the mesh has an area")
        return mesh.keep(sound)

    @cached_property
    def diagonal(self) -> float:
        """Length of the bounding box's diagonal."""
        return float(np.linalg.norm(np.ptp(self.vertices, axis=0)))

    @cached_property
    def crosses(self) -> Points:
        """Normal of each face, as long as twice its area, (F, 3)."""
        a, b, c = (self.vertices[self.faces[:, corner]] for corner in range(3))
        return np.asarray(np.cross(b - a, c - a))

    @cached_property
    def areas(self) -> Points:
        """Area of each face, (F,)."""
        return np.asarray(np.linalg.norm(self.crosses, axis=1) / 2)

    @cached_property
    def normals(self) -> Points:
        """Unit normal at each vertex, faces weighted by area, (V, 3)."""
        total: Points = np.stack(
            [
                np.bincount(self.faces.ravel(), np.repeat(self.crosses[:, axis], 3), len(self.vertices)).astype(
                    np.float64
                )
                for axis in range(3)
            ],
            axis=1,
        )
        return unit(total)

    @cached_property
    def edges(self) -> Faces:
        """Each edge once, (E, 2), the lower vertex first."""
        return unique_edges(face_edges(self.faces))[0]

    @cached_property
    def graph(self) -> Any:
        """The edges as a sparse symmetric matrix of lengths, (V, V)."""
        from scipy.sparse import coo_array

        a, b = self.edges.T
        length = np.linalg.norm(self.vertices[a] - self.vertices[b], axis=1)
        size = len(self.vertices)
        matrix = coo_array((np.tile(length, 2), (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(size, size))
        return matrix.tocsr()

    def moved(self, shift: Points, damage: Points) -> Mesh:
        """Return the mesh with its vertices moved by `shift` (V, 3) and the damage (V,) added."""
        return Mesh(self.vertices + shift, self.faces, np.maximum(self.damage, damage))

    def keep(self, faces: npt.NDArray[np.bool_]) -> Mesh:
        """Return the mesh with only some faces, and no vertex that none of them uses."""
        kept = self.faces[faces]
        used = np.unique(kept)
        number = np.full(len(self.vertices), -1, np.int64)
        number[used] = np.arange(len(used))
        return Mesh(self.vertices[used], number[kept], self.damage[used])

    def joined(self, other: Mesh) -> Mesh:
        """Return both meshes as one; nothing is welded."""
        return Mesh(
            np.concatenate([self.vertices, other.vertices]),
            np.concatenate([self.faces, other.faces + len(self.vertices)]),
            np.concatenate([self.damage, other.damage]),
        )

    def transformed(self, matrix: Points) -> Mesh:
        """Return the mesh under a linear map (3, 3) that keeps its handedness."""
        return replace(self, vertices=self.vertices @ matrix.T)


def load_mesh(path: Path) -> Mesh:
    """Read a mesh from a file of any format that looktwice opens.

    Raises
    ------
    InputError
        The file cannot be read, or is a cloud without faces.
    """
    from looktwice.modalities.pointclouds.reading import read_cloud  # kind: damages a mesh

    cloud = read_cloud(path)
    if cloud.faces is None or not len(cloud.faces):
        raise InputError(f"{path} has points but no faces; damage can only be added to a mesh")
    try:
        return Mesh.of(cloud.points, cloud.faces)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def face_edges(faces: Faces) -> Faces:
    """Return the directed edges 01, 12, 20 of each face in turn, (3 F, 2)."""
    return np.asarray(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2))


def unique_edges(edges: Faces) -> tuple[Faces, Faces, Faces]:
    """Return each edge once with the lower vertex first (E, 2), each input's number in them, and how often each is."""
    low, high = edges.min(axis=1), edges.max(axis=1)
    base = int(high.max(initial=0)) + 1
    # One number for an edge: sorting pairs takes ten times as long.
    key, inverse, count = np.unique(low * base + high, return_inverse=True, return_counts=True)
    return np.stack([key // base, key % base], axis=1), inverse, count


def unit(vectors: Points) -> Points:
    """Return vectors (..., 3) at unit length; zero stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1))
