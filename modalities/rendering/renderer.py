"""Pictures of a surface: the back end's z-buffers, closed and shaded, one view after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from looktwice.modalities.rendering import shading
from looktwice.modalities.rendering.backends import get_rasterizer
from looktwice.modalities.rendering.cameras import Camera
from looktwice.modalities.rendering.shading import Geometry
from looktwice.modalities.rendering.splatting import close_surface
from looktwice.modalities.rendering.zbuffer import KeyImage, depth_of, index_of, pixel_of

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]

CHANNELS = ("shaded", "lambert", "depth", "curvature")


@dataclass(frozen=True)
class Surface:
    """What is drawn.

    Attributes
    ----------
    points : float32, shape (P, 3)
        Finite, about unit size.
    spacing : float32, shape (P,)
        Local distance between points (`spacing.local_spacing`).
    colours : uint8, shape (P, 3), optional

    Examples
    --------
    >>> from looktwice.modalities.rendering.spacing import local_spacing
    >>> points = np.random.default_rng(0).normal(size=(4000, 3)).astype(np.float32)
    >>> points /= np.linalg.norm(points, axis=1, keepdims=True)
    >>> ball = Surface(points, local_spacing(points))
    >>> round(float((ball.spacing**2).sum() / (4 * np.pi)), 1)  # about the ball's area
    0.9
    """

    points: FloatArray
    spacing: FloatArray
    colours: ByteArray | None = None


@dataclass(frozen=True)
class Rendering:
    """One view of a surface.

    Attributes
    ----------
    camera : Camera
    index : int64, shape (S, S)
        Which of the surface's points each pixel shows, -1 off the object.
    depth : float32, shape (S, S)
        Depth of that point in pixels, infinity off the object.
    spacing_px : float
        Typical distance between the points shown.
    geometry : Geometry
    albedo : uint8, shape (S, S, 3), optional

    Examples
    --------
    >>> x, y = np.meshgrid(np.linspace(-1, 1, 60), np.linspace(-1, 1, 60))
    >>> plate = Surface(np.float32(np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3)), np.full(3600, 0.034, np.float32))
    >>> turn = np.diag(np.float32((10, -10, -10)))
    >>> front = Camera("from the front", np.float32((0, 0, 1)), turn, np.float32([[15], [15], [11]]), 31, 10.0)
    >>> (view,) = render(plate, [front])
    >>> view.picture("depth").shape
    (31, 31, 3)
    >>> view.visible(np.float32([[0, 0, 0], [0, 0, -1]]))  # pixel 15, 15; hidden behind the plate
    array([480, 961])
    """

    camera: Camera
    index: npt.NDArray[np.int64]
    depth: FloatArray
    spacing_px: float
    geometry: Geometry
    albedo: ByteArray | None = None

    def picture(self, channel: str = "shaded") -> ByteArray:
        """Return one of `CHANNELS` as RGB, shape (S, S, 3)."""
        return shading.paint(self.geometry, channel, self.albedo)

    def visible(self, points: FloatArray) -> npt.NDArray[np.int64]:
        """Return the row-major pixel in which this view sees each point, ``S * S`` for those that it does not see.

        A point is seen unless the surface shown in its pixel lies in front of it by more than that surface's slope
        within a splat explains.

        Parameters
        ----------
        points : float32, shape (P, 3)
            In the coordinates of the surface; NaN is never seen.
        """
        column, row, depth = self.camera.project(points)
        pixel, inside = pixel_of(column, row, self.camera.size)
        inside &= depth <= self._deepest.ravel()[pixel]
        pixel[~inside] = self.camera.size**2
        return pixel

    @cached_property
    def _deepest(self) -> FloatArray:
        """Depth down to which a point in each pixel still belongs to the surface shown."""
        facing = np.clip(self.geometry.facing, 0.2, 1.0)
        slope = np.sqrt(1 - facing * facing) / facing
        reach = self.depth + 1.5 + (1.0 + self.spacing_px) * slope
        deepest: FloatArray = np.where(self.geometry.mask, reach, -np.inf).astype(np.float32)
        return deepest


def render(surface: Surface, cameras: Sequence[Camera], backend: str = "numpy") -> Iterator[Rendering]:
    """Yield the view of every camera, in order, each computed when it is asked for.

    Parameters
    ----------
    surface : Surface
    cameras : sequence of Camera
    backend : {"numpy", "open3d", "pytorch3d"}

    Raises
    ------
    UsageError
        If the back end is unknown or not installed.
    """
    rasterize = get_rasterizer(backend)
    for camera, keys in zip(cameras, rasterize(surface.points, cameras), strict=True):
        yield _develop(surface, camera, keys)


def _develop(surface: Surface, camera: Camera, keys: KeyImage) -> Rendering:
    """Close a z-buffer and measure the surface that it shows."""
    keys = close_surface(keys, surface.spacing, camera.scale)
    index, depth = index_of(keys), depth_of(keys)
    # Flat indices: NumPy gathers and scatters along one axis several times as fast as along two.
    shown = np.flatnonzero(index >= 0)
    points = index.ravel().take(shown)
    spacing_px = float(np.median(surface.spacing.take(points))) * camera.scale
    # How far the point that a pixel shows lies from the pixel's centre, (right, down) in pixels.
    column, row, _ = camera.project(surface.points.take(points, axis=0))
    shift = np.zeros((2, index.size), np.float32)
    pixel_row, pixel_column = np.divmod(shown.astype(np.int32), np.int32(camera.size))
    shift[0, shown], shift[1, shown] = pixel_column - column, pixel_row - row
    shift = shift.reshape(2, *index.shape)
    albedo = None if surface.colours is None else surface.colours[np.maximum(index, 0)]
    return Rendering(camera, index, depth, spacing_px, shading.surface_geometry(depth, shift, spacing_px), albedo)
