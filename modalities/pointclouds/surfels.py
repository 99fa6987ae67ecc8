"""A cloud in brief: a few thousand evenly spread surface elements with normals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from looktwice.modalities.pointclouds.rims import viewed_from, widest_gaps
from looktwice.modalities.rendering.frame import PrincipalFrame
from looktwice.modalities.rendering.renderer import Rendering, Surface

FloatArray = npt.NDArray[np.float32]

#: How many neighbours (itself among them) a surface element has at each scale.
SCALES = (16, 48, 140)
# A grid with more cells is not laid out in memory.
_MOST_CELLS = 20_000_000


@dataclass(frozen=True)
class Surfels:
    """Evenly spread elements of a surface.

    Attributes
    ----------
    points : float32, shape (M, 3)
        In the surface's coordinates; each the mean of the points in one cell, which averages noise.
    normals : float32, shape (M, 3)
        Unit length, pointing out of the object: towards the views that see the element.
    side : float
        Side of a cell: about the distance between neighbours.
    neighbours : int64, shape (M, K)
        Nearest elements, the nearest first (itself), K the largest of `SCALES` or M.
    owner : int64, shape (Q,)
        The element that each point of the surface belongs to.
    gaps : float32, shape (M,)
        The widest angle around each element without a neighbour, in radians: pi at an open rim.
    toward : float32, shape (3,), or None
        Direction towards the viewer of a surface that was seen from one side only.

    Examples
    --------
    >>> from looktwice.modalities.rendering.cameras import place_cameras
    >>> from looktwice.modalities.rendering.frame import principal_frame
    >>> from looktwice.modalities.rendering.renderer import render
    >>> points = np.random.default_rng(0).normal(size=(3000, 3)).astype(np.float32)
    >>> points /= np.linalg.norm(points, axis=1, keepdims=True)
    >>> ball = Surface(points, spacing=np.full(3000, 0.065, np.float32))
    >>> frame = principal_frame(ball.points, ball.spacing)
    >>> views = list(render(ball, place_cameras(ball.points, frame, views=6, size=64)))
    >>> surfels = surface_elements(ball, frame, views, count=200)
    >>> surfels.owner.shape, bool(((surfels.normals * surfels.points).sum(axis=1) > 0.9).all())  # normals point out
    ((3000,), True)
    """

    points: FloatArray
    normals: FloatArray
    side: float
    neighbours: npt.NDArray[np.int64]
    owner: npt.NDArray[np.int64]
    gaps: FloatArray
    toward: FloatArray | None = None


def surface_elements(surface: Surface, frame: PrincipalFrame, renderings: Sequence[Rendering], count: int) -> Surfels:
    """Return about `count` elements of a surface (fewer if it has fewer points).

    Parameters
    ----------
    surface : Surface
    frame : PrincipalFrame
        The object's own axes. Cells are laid along them, so that turning the object turns the elements with it.
    renderings : sequence of Rendering
        Views of the surface, from which its normals learn where outside is.
    count : int
    """
    points, owner, side = _thin(surface.points @ frame.axes.T, surface.spacing, count)
    points = points @ frame.axes
    _, neighbours = cKDTree(points).query(points, k=min(SCALES[-1], len(points)), workers=-1)
    normals = _normals(points[neighbours[:, : SCALES[0]]])
    gaps = widest_gaps(points, normals, neighbours)
    toward = viewed_from(points, normals, gaps, side)
    if toward is None:
        normals = _face_outward(points, normals, renderings)
    else:
        normals = normals * np.where(normals @ toward < 0, np.float32(-1), np.float32(1))[:, None]
    return Surfels(points, normals, side, neighbours, owner, gaps, toward)


def _thin(points: FloatArray, spacing: FloatArray, count: int) -> tuple[FloatArray, npt.NDArray[np.int64], float]:
    """Return the mean point of each of about `count` cells, the cell of each point, and the cells' side."""
    area = float((spacing.astype(np.float64) ** 2).sum())
    # A surface crosses about 1.5 cells per cell's face of its area (`spacing.local_spacing`).
    side = max(float(np.sqrt(1.5 * area / count)), 1e-3)
    i, j, k = ((points - points.min(axis=0)) / np.float32(side)).astype(np.int64).T
    cell = _numbered((i * (int(j.max()) + 1) + j) * (int(k.max()) + 1) + k)
    held = np.bincount(cell)
    sums = [np.bincount(cell, weights=points[:, axis]) for axis in range(3)]
    return (np.stack(sums, axis=1) / held[:, None]).astype(np.float32), cell, side


def _numbered(cell: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the number of each point's cell among those in use."""
    if cell.max() > _MOST_CELLS:
        return np.unique(cell, return_inverse=True)[1].ravel()
    # Counting costs a tenth of sorting.
    number: npt.NDArray[np.int64] = np.cumsum(np.bincount(cell) > 0) - 1
    return number[cell]


def _normals(neighbourhoods: FloatArray) -> FloatArray:
    """Return the direction of least variance of each neighbourhood, shape (M, k, 3) to (M, 3)."""
    centred = neighbourhoods - neighbourhoods.mean(axis=1, keepdims=True)
    normals: FloatArray = np.linalg.eigh(np.swapaxes(centred, 1, 2) @ centred)[1][:, :, 0].astype(np.float32)
    return normals


def _face_outward(points: FloatArray, normals: FloatArray, renderings: Sequence[Rendering]) -> FloatArray:
    """Turn normals towards the viewers that see them; where none does, as the nearest element that is seen."""
    toward = np.zeros_like(points)
    for rendering in renderings:
        toward[rendering.visible(points) < rendering.geometry.mask.size] += rendering.camera.toward
    hidden = ~toward.any(axis=1)
    if hidden.any() and not hidden.all():
        _, nearest = cKDTree(points[~hidden]).query(points[hidden])
        toward[hidden] = toward[~hidden][nearest]
    sign = np.where((normals * toward).sum(axis=1) < 0, np.float32(-1), np.float32(1))
    outward: FloatArray = normals * sign[:, None]
    return outward
