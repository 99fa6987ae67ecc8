"""From a mesh to a cloud as a scanner gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looktwice.datasets.synthesis.shapes.mesh import Mesh, unit
from looktwice.datasets.synthesis.shapes.surface import waves

LABELLED = 0.15
"""A point is anomalous where its damage is above this."""


@dataclass(frozen=True)
class LabelledCloud:
    """Points on a surface.

    Attributes
    ----------
    points : float32, (P, 3)
    normals : float32, (P, 3)
        Of the surface, interpolated over its faces; before any noise.
    labels : bool, (P,)

    Examples
    --------
    >>> from looktwice.datasets.synthesis.shapes.catalogue import SHAPES
    >>> rng = np.random.default_rng(0)
    >>> cloud = sample_cloud(rng, SHAPES["ring"](rng), 500)
    >>> cloud.points.shape, bool(cloud.labels.any())
    ((500, 3), False)
    """

    points: npt.NDArray[np.float32]
    normals: npt.NDArray[np.float32]
    labels: npt.NDArray[np.bool_]


def sample_cloud(rng: np.random.Generator, mesh: Mesh, count: int, noise: float = 0.0) -> LabelledCloud:
    """Draw points evenly over the area of a mesh.

    Every unit of area is as likely whether it was damaged or not, so that density gives nothing away.

    Parameters
    ----------
    count : int
        P.
    noise : float
        Standard deviation along the normal, in diagonals of the bounding box; a third of it lies across, and as much
        again is a slow drift over the object, as between a scanner's passes. 0.0005 is a fair scanner, 0.002 a
        poor one.
    """
    face = rng.choice(len(mesh.faces), count, p=mesh.areas / mesh.areas.sum())
    first, second = np.sqrt(rng.random(count)), rng.random(count)
    weight = np.stack([1 - first, first * (1 - second), first * second], axis=1)[..., None]
    corners = mesh.faces[face]
    points = (mesh.vertices[corners] * weight).sum(axis=1)
    normals = unit((mesh.normals[corners] * weight).sum(axis=1))
    labels = (mesh.damage[corners] * weight[..., 0]).sum(axis=1) > LABELLED
    if noise > 0:
        size = noise * mesh.diagonal
        along = rng.normal(0, size, count) + 0.5 * size * waves(rng, points, 0.4 * mesh.diagonal)
        points = points + along[:, None] * normals + rng.normal(0, size / 3, points.shape)
    return LabelledCloud(points.astype(np.float32), normals.astype(np.float32), labels)
