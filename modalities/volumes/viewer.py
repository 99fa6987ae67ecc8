"""The three-plane viewer in a volume's report: brainsprite, from the installed nilearn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from looktwice.core.colours import heat_lut
from looktwice.core.display import Viewer
from looktwice.core.embedding import array_base64, installed_script, jpeg_uri, png_uri
from looktwice.core.study import ByteArray
from looktwice.modalities.volumes.orientation import Orientation
from looktwice.modalities.volumes.scan import Scan
from looktwice.modalities.volumes.voxels import Box, ReadByBox
from looktwice.modalities.volumes.windows import Windows

MAX_VOXELS = 2_500_000
"""Shown at most; a head at 1 mm inside its own box stays about as it is, a body CT is reduced to about 3 mm."""

MARGIN_MM = 6.0


@dataclass(frozen=True)
class DisplayGrid:
    """An isotropic grid around the imaged part, in radiological order: x from the patient's right to left.

    Attributes
    ----------
    box : three slices
        Voxels that are read, in the input's own index order, with strides.
    axes : (int, int, int)
        Input axis along the display's x, y and z.
    flips : (bool, bool, bool)
        Whether the input index falls along the display's x, y and z.
    shape : (int, int, int)
        Of the display, along x, y and z.
    to_voxel : float64, shape (4, 4)
        Display indices to the input's voxel indices.

    Examples
    --------
    >>> whole = (slice(0, 20), slice(0, 20), slice(0, 10))
    >>> grid = display_grid(Orientation((0, 1, 2), (1, 1, 1), (1.0, 1.0, 2.0)), whole, (20, 20, 10), MAX_VOXELS)
    >>> grid.shape, grid.flips  # isotropic, and x turned towards the left
    ((20, 20, 20), (True, False, False))
    >>> grid.arrange(np.zeros((20, 20, 10), np.uint8)).shape
    (20, 20, 20)
    """

    box: tuple[slice, slice, slice]
    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    shape: tuple[int, int, int]
    to_voxel: npt.NDArray[np.float64]

    def arrange(self, values: ByteArray) -> ByteArray:
        """Bring what was read from `box` to the display, smoothly."""
        turned: ByteArray = values.transpose(self.axes)
        turned = turned[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]
        for axis in np.argsort(np.divide(self.shape, turned.shape)):
            turned = _resize_axis(turned, int(axis), self.shape[axis])
        return turned


def volume_viewer(
    scan: Scan,
    windows: Windows,
    orientation: Orientation,
    extent: Box,
    heat: ReadByBox,
    focus: tuple[float, ...] | None,
) -> Viewer | None:
    """Return the three-plane viewer, or None where nilearn carries no brainsprite.

    Parameters
    ----------
    scan : Scan
    windows : Windows
        How its values are shown.
    orientation : Orientation
    extent : three slices
        Box of voxels around the foreground.
    heat : read by box
        The anomaly map, in [0, 1]; read within the shown box only.
    focus : tuple of float, optional
        Voxel that the planes go through at first, in the input's own order; the map's peak if None.
    """
    script = installed_script("nilearn", "brainsprite.min.js")
    if script is None:
        return None
    grid = display_grid(orientation, extent, scan.voxels.shape, MAX_VOXELS)
    # The first window is the one that shows soft tissue; in three colours a radiologist would not know the scan again.
    anatomy = grid.arrange(windows(scan.voxels[grid.box])[..., 0])
    shown = grid.arrange(np.round(255 * heat[grid.box]).astype(np.uint8))
    setup = {
        "shape": grid.shape,
        "start": _start(grid, shown, focus),
        "toVoxel": grid.to_voxel.tolist(),
        "toWorld": (scan.affine @ grid.to_voxel).tolist() if scan.measured else None,
        "palette": array_base64(heat_lut(256)),
    }
    values = {
        "setup": setup,
        "anatomy": jpeg_uri(Image.fromarray(sprite(anatomy)), quality=82),
        "heat": png_uri(Image.fromarray(sprite(shown))),
        "brainsprite": script,
    }
    return Viewer(Path(__file__).with_name("viewer.html"), values)


def display_grid(
    orientation: Orientation, foreground: Box, shape: tuple[int, int, int], max_voxels: int
) -> DisplayGrid:
    """Return the grid that shows the box around the foreground with a margin in at most about `max_voxels` voxels."""
    spacing = orientation.spacing
    extent = [
        (max(0, side.start - round(MARGIN_MM / step)), min(count, side.stop + round(MARGIN_MM / step)))
        for side, step, count in zip(foreground, spacing, shape, strict=True)
    ]
    volume = math.prod((high - low) * step for (low, high), step in zip(extent, spacing, strict=True))
    edge = max(min(spacing), (volume / max_voxels) ** (1 / 3))
    strides = [max(1, int(edge / step)) for step in spacing]
    i, j, k = (slice(low, high, stride) for (low, high), stride in zip(extent, strides, strict=True))

    axes, signs = orientation.axes, orientation.signs
    flips = (signs[0] > 0, signs[1] < 0, signs[2] < 0)
    counts, to_voxel = [], np.eye(4)
    to_voxel[:3, :3] = 0.0
    for shown, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        low, high = extent[axis]
        taken = len(range(low, high, strides[axis]))
        counts.append(max(1, round(taken * strides[axis] * spacing[axis] / edge)))
        # Pixel edges of the two grids coincide, so a display step is taken / count strides.
        step = strides[axis] * taken / counts[-1]
        first = low + step / 2 - strides[axis] / 2
        last = low + strides[axis] * (taken - 0.5) - step / 2
        to_voxel[axis, shown] = -step if flip else step
        to_voxel[axis, 3] = last if flip else first
    return DisplayGrid((i, j, k), axes, flips, (counts[0], counts[1], counts[2]), to_voxel)


def sprite(values: ByteArray) -> ByteArray:
    """Lay the sagittal slices of a volume, shape (X, Y, Z), side by side in rows, as brainsprite reads them.

    Each slice is Z pixels high, upside up, and Y wide; the sheet is about square, as browsers limit a canvas's sides.
    """
    x, y, z = values.shape
    columns = min(x, math.ceil(math.sqrt(x * z / y)))
    rows = math.ceil(x / columns)
    tiles = np.zeros((rows * columns, z, y), np.uint8)
    tiles[:x] = values.transpose(0, 2, 1)[:, ::-1]
    sheet: ByteArray = tiles.reshape(rows, columns, z, y).transpose(0, 2, 1, 3).reshape(rows * z, columns * y)
    return sheet


def _resize_axis(values: ByteArray, axis: int, count: int) -> ByteArray:
    """Resample one axis to `count` samples over the same extent; Pillow filters what it reduces."""
    if values.shape[axis] == count:
        return values
    first = np.ascontiguousarray(np.moveaxis(values, axis, 0))
    flat = Image.fromarray(first.reshape(first.shape[0], -1))
    resized = np.asarray(flat.resize((flat.width, count), Image.Resampling.BILINEAR))
    return np.moveaxis(resized.reshape(count, *first.shape[1:]), 0, axis)


def _start(grid: DisplayGrid, heat: ByteArray, focus: tuple[float, ...] | None) -> list[int]:
    """Return the display indices of `focus`, a voxel of the input, or of the highest heat."""
    if focus is None:
        return [int(at) for at in np.unravel_index(int(heat.argmax()), heat.shape)]
    at = np.rint(np.linalg.solve(grid.to_voxel, [*focus, 1.0]))[:3]
    return [int(value) for value in np.clip(at, 0, np.subtract(grid.shape, 1))]
