"""The picture that a defect is painted on, and the patch that a painter hands back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

COARSE = 64
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Patch:
    """What a painter wants to see in a window of the picture.

    Attributes
    ----------
    top, left : int
    pixels : float32, (h, w, 3)
        In 0..255; values outside are clipped.
    alpha : float32, (h, w)
        How much of `pixels` is seen, in [0, 1].

    Examples
    --------
    >>> from looktwice.datasets.synthesis.images import compose
    >>> canvas = Canvas.of(np.full((40, 40, 3), 200, np.uint8))
    >>> dark = Patch(10, 20, pixels=np.zeros((5, 5, 3), np.float32), alpha=np.ones((5, 5), np.float32))
    >>> painted, mask = compose(canvas, dark)
    >>> int(painted[12, 22, 0]), int(painted[0, 0, 0]), int(mask.sum())
    (0, 200, 25)
    """

    top: int
    left: int
    pixels: FloatArray
    alpha: FloatArray


@dataclass(frozen=True)
class Window:
    """A rectangle of the picture, never empty and never beyond its border.

    Examples
    --------
    >>> image = np.zeros((40, 60), np.uint8)
    >>> image[Window(top=0, left=49, height=10, width=11).slices].shape
    (10, 11)
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array with."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True)
class Canvas:
    """A picture with what painters ask about it.

    Attributes
    ----------
    image : uint8, (H, W, 3)
    donor : uint8, (H', W', 3), or None
        Another picture to take material from.
    foreground : bool, (h, w)
        Coarse map of the object, of at most 64 cells a side; all true where there is no plain background.
    grey : bool
        The picture has no colour, and no defect may bring any.
    uniform : bool
        The picture is one texture all over, where structure moved or repeated leaves no trace.

    Examples
    --------
    >>> image = np.full((64, 64, 3), 255, np.uint8)
    >>> image[16:48, 16:48] = 90  # a grey part on a white table
    >>> canvas = Canvas.of(image)
    >>> canvas.grey, bool(canvas.foreground[32, 32]), bool(canvas.foreground[2, 2])
    (True, True, False)
    >>> canvas.window((0, 63), 20, 20)
    Window(top=0, left=53, height=10, width=11)
    """

    image: ByteArray
    donor: ByteArray | None
    foreground: BoolArray
    grey: bool
    uniform: bool
    _cells: npt.NDArray[np.intp] = field(repr=False)

    @classmethod
    def of(cls, image: ByteArray, donor: ByteArray | None = None) -> Canvas:
        """Prepare `image` for painting."""
        foreground = find_foreground(image)
        sample = image[:: max(1, image.shape[0] // COARSE), :: max(1, image.shape[1] // COARSE)]
        grey = bool(np.ptp(sample, axis=2).max(initial=0) <= 2)
        return cls(image, donor, foreground, grey, is_uniform(image), np.flatnonzero(foreground))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[0], self.image.shape[1]

    def point(self, rng: np.random.Generator) -> tuple[int, int]:
        """Draw a row and column on the object."""
        (height, width), (rows, columns) = self.shape, self.foreground.shape
        row, column = divmod(int(rng.choice(self._cells)), columns)
        row = int((row + rng.random()) * height / rows)
        column = int((column + rng.random()) * width / columns)
        return min(row, height - 1), min(column, width - 1)

    def window(self, centre: tuple[float, float], height: float, width: float) -> Window:
        """Return the part of the picture in a box around `centre`, cut at the border."""
        spans = []
        for middle, side, full in zip(centre, (height, width), self.shape, strict=True):
            low = min(max(round(middle - side / 2), 0), full - 1)
            high = min(max(round(middle + side / 2), low + 1), full)
            spans.append((low, high - low))
        (top, h), (left, w) = spans
        return Window(top, left, h, w)

    def crop(self, window: Window) -> FloatArray:
        """Return the picture in `window` as float32."""
        return self.image[window.slices].astype(np.float32)

    def object_in(self, window: Window) -> BoolArray:
        """Return the object's map in `window`, in full resolution."""
        (height, width), (rows, columns) = self.shape, self.foreground.shape
        row = np.arange(window.top, window.top + window.height) * rows // height
        column = np.arange(window.left, window.left + window.width) * columns // width
        return self.foreground[np.ix_(row, column)]


def find_foreground(image: ByteArray) -> BoolArray:
    """Return a coarse map of the object in front of a plain background.

    The background is plain where the picture's frame has nearly one colour; where it has not, or where the object would
    be tiny or everything, all of the picture counts as object.

    Parameters
    ----------
    image : uint8, (H, W, 3)

    Returns
    -------
    bool, (min(H, 64), min(W, 64))
    """
    rows, columns = min(image.shape[0], COARSE), min(image.shape[1], COARSE)
    everything = np.ones((rows, columns), bool)
    if min(rows, columns) < 8:
        return everything
    small = np.asarray(Image.fromarray(image).resize((columns, rows), Image.Resampling.BOX), np.float32)
    frame = np.concatenate(
        [small[:2].reshape(-1, 3), small[-2:].reshape(-1, 3), small[2:-2, [0, 1, -2, -1]].reshape(-1, 3)]
    )
    background = np.median(frame, axis=0)
    distance = np.abs(frame - background).max(axis=1)
    if np.quantile(distance, 0.7) > 14:
        return everything
    limit = max(12.0, 2.5 * float(np.quantile(distance, 0.6)))
    found = np.abs(small - background).max(axis=2) > limit
    found = ndimage.binary_fill_holes(ndimage.binary_closing(found, iterations=2, border_value=0) | found)
    found = ndimage.binary_opening(found)
    share = float(found.mean())
    return found if 0.05 < share < 0.9 else everything


def is_uniform(image: ByteArray, blocks: int = 8) -> bool:
    """Whether the means of `blocks` x `blocks` tiles vary little beside the pixels within them."""
    small = np.asarray(Image.fromarray(image).resize((blocks, blocks), Image.Resampling.BOX), np.float32)
    return float(small.std(axis=(0, 1)).max()) < 0.33 * float(image[::3, ::3].std(axis=(0, 1)).max())


def luminance(pixels: FloatArray) -> FloatArray:
    """Return the luminance of (..., 3) pixels as (..., 1)."""
    grey: FloatArray = pixels @ LUMA
    return grey[..., None]
