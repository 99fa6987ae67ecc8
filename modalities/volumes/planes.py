"""From a slice to an image: square, isotropic, cropped to the patient, in radiological orientation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from looktwice.core.study import ByteArray, FloatArray
from looktwice.modalities.volumes.fields import SeparableField, interpolation
from looktwice.modalities.volumes.orientation import Orientation, Plane

MARGIN_MM = 5.0
LARGEST_SIDE = 512

_IN_PLANE = {Plane.AXIAL: (1, 0), Plane.CORONAL: (2, 0), Plane.SAGITTAL: (2, 1)}
"""RAS axes that run up and down, and across, in the picture of each plane."""


@dataclass(frozen=True)
class Canvas:
    """How the voxels of one plane lie in its pictures.

    Rows run from anterior (axial) or superior to posterior or inferior; columns from the patient's right to left, in
    sagittal pictures from anterior to posterior.

    Attributes
    ----------
    plane : Plane
    across, down, right : int
        Voxel axis across the plane, and those that run along the picture's rows' order and columns' order.
    flip_down, flip_right : bool
        The voxel index falls along the picture.
    rows, columns : slice
        Voxels shown, along `down` and `right`.
    height, width : int
        Pixels that those voxels cover.

    Examples
    --------
    >>> orientation = Orientation((0, 1, 2), (1, 1, 1), (1.0, 1.0, 1.0))
    >>> canvas = canvas_of(Plane.AXIAL, orientation, (60, 80, 20), (slice(10, 50), slice(10, 70), slice(0, 20)))
    >>> canvas.height, canvas.width, canvas.side
    (70, 50, 70)
    >>> canvas.crop(np.zeros((60, 80, 20), np.float32)).shape
    (20, 70, 50)
    >>> canvas.paint(np.zeros((70, 50, 3), np.uint8)).shape
    (70, 70, 3)
    """

    plane: Plane
    across: int
    down: int
    right: int
    flip_down: bool
    flip_right: bool
    rows: slice
    columns: slice
    height: int
    width: int

    @property
    def side(self) -> int:
        """Pixels along each side of the square picture."""
        return max(self.height, self.width)

    @property
    def top(self) -> int:
        """Rows of padding above the voxels."""
        return (self.side - self.height) // 2

    @property
    def left(self) -> int:
        """Columns of padding left of the voxels."""
        return (self.side - self.width) // 2

    def crop(self, values: FloatArray) -> FloatArray:
        """Take planes (I, J, K) with all voxels to (n, rows, columns) as the picture shows them."""
        box = [slice(None)] * 3
        box[self.down], box[self.right] = self.rows, self.columns
        shown: FloatArray = values[tuple(box)].transpose(self.across, self.down, self.right)
        shown = shown[:, ::-1] if self.flip_down else shown
        return shown[:, :, ::-1] if self.flip_right else shown

    def paint(self, picture: ByteArray) -> ByteArray:
        """Scale a cropped RGB plane to square pixels and pad it with black to a square."""
        if picture.shape[:2] != (self.height, self.width):
            image = Image.fromarray(np.ascontiguousarray(picture))
            picture = np.asarray(image.resize((self.width, self.height), Image.Resampling.BILINEAR))
        square = np.zeros((self.side, self.side, 3), np.uint8)
        square[self.top : self.top + self.height, self.left : self.left + self.width] = picture
        return square

    def lift(
        self, maps: FloatArray, slices: npt.NDArray[np.int64], shape: tuple[int, int, int], sigma: tuple[float, ...]
    ) -> SeparableField:
        """Return the field that maps (V, h, w) of the slices `slices` make in the scan.

        Parameters
        ----------
        shape : (int, int, int)
            Of the scan.
        sigma : three floats
            Gaussian smoothing along the voxel axes, in voxels.
        """
        down, right = self.cells((maps.shape[1], maps.shape[2]))
        axes = (self.across, self.down, self.right)
        positions = (slices.astype(np.float64), down, right)
        first, second, third = (
            interpolation(shape[axis], where, sigma[axis]) for axis, where in zip(axes, positions, strict=True)
        )
        return SeparableField(maps, axes, (first, second, third))

    def cells(self, grid: tuple[int, int]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return where the rows and columns of a map of the picture lie, in voxels along `down` and `right`."""
        down = self._voxels(grid[0], self.top, self.height, self.rows, self.flip_down)
        right = self._voxels(grid[1], self.left, self.width, self.columns, self.flip_right)
        return down, right

    def _voxels(self, cells: int, padding: int, pixels: int, shown: slice, flip: bool) -> npt.NDArray[np.float64]:
        """Voxel coordinates of the centres of `cells` map cells along one side of the picture."""
        share = ((np.arange(cells) + 0.5) * self.side / cells - padding) / pixels
        extent = shown.stop - shown.start
        edges = shown.stop - share * extent if flip else shown.start + share * extent
        return np.asarray(edges - 0.5, dtype=np.float64)


def canvas_of(
    plane: Plane, orientation: Orientation, shape: tuple[int, int, int], extent: tuple[slice, slice, slice]
) -> Canvas:
    """Return the canvas of one plane: the foreground's `extent` and a margin, at the finer of the two spacings."""
    down_world, right_world = _IN_PLANE[plane]
    down, right = orientation.axes[down_world], orientation.axes[right_world]
    rows, columns = (_widen(extent[axis], shape[axis], orientation.spacing[axis]) for axis in (down, right))
    height_mm = (rows.stop - rows.start) * orientation.spacing[down]
    width_mm = (columns.stop - columns.start) * orientation.spacing[right]
    finest = min(orientation.spacing[down], orientation.spacing[right])
    pixel = max(finest, max(height_mm, width_mm) / LARGEST_SIDE)
    return Canvas(
        plane=plane,
        across=orientation.axes[plane.normal],
        down=down,
        right=right,
        flip_down=orientation.signs[down_world] > 0,
        flip_right=orientation.signs[right_world] > 0,
        rows=rows,
        columns=columns,
        height=max(1, round(height_mm / pixel)),
        width=max(1, round(width_mm / pixel)),
    )


def _widen(extent: slice, count: int, spacing: float) -> slice:
    margin = round(MARGIN_MM / spacing)
    return slice(max(0, extent.start - margin), min(count, extent.stop + margin))
