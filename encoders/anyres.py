"""AnyRes tiling as in LLaVA-OneVision (arXiv 2408.03326): the whole picture, and tiles of it at a finer scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from looktwice.core.study import ByteArray

MAX_GRID = 6
MAX_TILES = 9
# The longest side is reduced to this first, as Anomaly-OneVision does.
LONGEST_SIDE = 1024


@dataclass(frozen=True)
class Tiling:
    """A picture cut up.

    Attributes
    ----------
    crops : list of uint8 arrays
        The whole picture first, then the tiles row by row, each tile (S, S, 3).
    grid : (int, int)
        Rows and columns of tiles.
    content : (float, float, float, float)
        Where the picture lies on the canvas of tiles: top, left, bottom, right as shares of the canvas.

    Examples
    --------
    >>> tiling = tile(np.zeros((300, 1000, 3), np.uint8), 384)
    >>> tiling.grid, len(tiling.crops)
    ((1, 3), 4)
    >>> [round(share, 2) for share in tiling.content]
    [0.05, 0.0, 0.95, 1.0]
    """

    crops: list[ByteArray]
    grid: tuple[int, int]
    content: tuple[float, float, float, float]


def best_grid(width: int, height: int, tile: int, max_tiles: int = MAX_TILES) -> tuple[int, int]:
    """Return the (rows, columns) that keep most of the picture's own pixels and then waste the least canvas.

    Examples
    --------
    >>> from looktwice.encoders.anyres import best_grid
    >>> best_grid(1000, 500, 384)
    (2, 3)
    """
    best, best_fit = (1, 1), (-1.0, 0.0)
    for rows in range(1, MAX_GRID + 1):
        for columns in range(1, MAX_GRID + 1):
            if rows * columns > max_tiles:
                continue
            canvas_width, canvas_height = columns * tile, rows * tile
            scale = min(canvas_width / width, canvas_height / height)
            kept = min(int(width * scale) * int(height * scale), width * height)
            fit = (float(kept), -float(canvas_width * canvas_height - kept))
            if fit > best_fit:
                best, best_fit = (rows, columns), fit
    return best


def tile(image: ByteArray, size: int, max_tiles: int = MAX_TILES) -> Tiling:
    """Cut a picture into the whole and its AnyRes tiles.

    Parameters
    ----------
    image : uint8, shape (H, W, 3)
    size : int
        Side of a tile: the encoder's input size.
    max_tiles : int
        A picture no larger than one tile, or ``max_tiles=1``, is not tiled.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.encoders.anyres import tile
    >>> tiling = tile(np.zeros((500, 1000, 3), np.uint8), 384)
    >>> tiling.grid, len(tiling.crops), tiling.crops[1].shape
    ((2, 3), 7, (384, 384, 3))
    """
    image = _reduce(image)
    height, width = image.shape[:2]
    rows, columns = best_grid(width, height, size, max_tiles)
    if rows * columns == 1:
        return Tiling([image], (1, 1), (0.0, 0.0, 1.0, 1.0))
    canvas_width, canvas_height = columns * size, rows * size
    scale = min(canvas_width / width, canvas_height / height)
    new_width, new_height = min(round(width * scale), canvas_width), min(round(height * scale), canvas_height)
    left, top = (canvas_width - new_width) // 2, (canvas_height - new_height) // 2
    canvas = np.zeros((canvas_height, canvas_width, 3), np.uint8)
    resized = Image.fromarray(image).resize((new_width, new_height), Image.Resampling.BICUBIC)
    canvas[top : top + new_height, left : left + new_width] = np.asarray(resized)
    tiles = [
        canvas[row * size : (row + 1) * size, column * size : (column + 1) * size]
        for row in range(rows)
        for column in range(columns)
    ]
    content = (
        top / canvas_height,
        left / canvas_width,
        (top + new_height) / canvas_height,
        (left + new_width) / canvas_width,
    )
    return Tiling([image, *tiles], (rows, columns), content)


def _reduce(image: npt.NDArray[np.uint8]) -> ByteArray:
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= LONGEST_SIDE:
        return image
    size = (max(1, round(width * LONGEST_SIDE / longest)), max(1, round(height * LONGEST_SIDE / longest)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
