"""Pictures to RGB: of 8 or 16 bit or floats, grey or colour."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from looktwice.core.errors import InputError
from looktwice.core.study import ByteArray
from looktwice.modalities.images.ranges import to_8_bit

# A scan of 20,000 × 20,000 pixels; beyond it a file is taken for a decompression bomb.
MAX_PIXELS = 400_000_000

ROUNDING = 1e-6
"""Floats of a picture may lie so far outside [0, 1]."""


def read_image(path: Path, notes: list[str] | None = None) -> ByteArray:
    """Read a picture as RGB, upright.

    Pictures of more than 8 bit are brought to 8 bit as `ranges.to_8_bit` says (a 12-bit radiograph in a 16-bit file is
    not black). Transparency is laid over white. Of several pages the first is read.

    Parameters
    ----------
    path : Path
    notes : list of str, optional
        What was assumed is appended to it.

    Returns
    -------
    uint8, shape (H, W, 3)

    Raises
    ------
    InputError
        Unreadable, truncated, too large, or without any contrast.
    """
    notes = [] if notes is None else notes
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            wide = _wide_tiff(path)
            if wide is not None:
                return _with_contrast(to_8_bit(wide, str(path), notes), path)
            with Image.open(path) as opened:
                _check_size(path, opened.width, opened.height)
                pages = getattr(opened, "n_frames", 1)
                if pages > 1:
                    notes.append(f"only the first of {pages} pages is inspected; save the others as files of their own")
                return picture_to_rgb(opened, str(path), notes)
    except InputError:
        raise
    except Exception as error:
        # Whatever a damaged file makes a decoder raise costs this input one line.
        raise InputError(f"{path}: the image cannot be read ({_one_line(error)})") from error


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(f"{path}: the image is too large ({width} × {height} pixels); cut it into tiles")


def _wide_tiff(path: Path) -> npt.NDArray[Any] | None:
    """Return the colours (H, W, 3) of a TIFF of more than 8 bit, which Pillow cuts to 8 or does not read; else None."""
    with path.open("rb") as stream:
        if stream.read(2) not in (b"II", b"MM"):
            return None
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            shape = page.shape
            if page.dtype is None or page.dtype.itemsize == 1 or len(shape) != 3:
                return None
            planes = shape[0] in (3, 4) and shape[2] not in (3, 4)
            if not planes and shape[2] not in (3, 4):
                return None
            _check_size(path, *(shape[1:] if planes else shape[:2]))
            values = page.asarray()
    except tifffile.TiffFileError:
        return None
    return np.asarray((np.moveaxis(values, 0, -1) if planes else values)[..., :3])


def picture_to_rgb(picture: Image.Image, name: str, notes: list[str] | None = None) -> ByteArray:
    """Return a picture of Pillow's as `read_image` returns a file; `name` is for its errors."""
    if picture.width * picture.height == 0:
        raise InputError(f"{name}: the image contains no pixels")
    try:
        picture = ImageOps.exif_transpose(picture)
        picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{name}: the image cannot be read ({_one_line(error)})") from error
    return _with_contrast(_to_rgb(picture, name, notes), name)


def array_to_rgb(values: npt.NDArray[Any], name: str) -> ByteArray:
    """Return an array as a picture.

    Parameters
    ----------
    values : uint8 or floating, shape (H, W) or (H, W, 1, 3 or 4); or uint16, shape (H, W)
        Floats lie in [0, 1]. A fourth channel is opacity, laid over white.
    name : str
        Says what the array is, for errors.

    Returns
    -------
    uint8, shape (H, W, 3)

    Raises
    ------
    InputError
        Of another shape, type or range, empty, or without any contrast.
    """
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2 and not (values.ndim == 3 and values.shape[2] in (3, 4)):
        raise InputError(f"{name}: a picture has the shape (H, W) or (H, W, 3 or 4); a tensor (H, W) or (3, H, W)")
    if values.size == 0:
        raise InputError(f"{name}: the image contains no pixels")
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if values.dtype.kind == "f":
        values = _unit_to_8_bit(values, name)
    elif values.dtype != np.uint8 and not (values.dtype == np.uint16 and values.ndim == 2):
        raise InputError(f"{name}: a picture holds uint8, floats in [0, 1], or, in the shape (H, W), uint16")
    return _with_contrast(_to_rgb(Image.fromarray(values), name), name)


def _unit_to_8_bit(values: npt.NDArray[np.floating], name: str) -> ByteArray:
    """Return floats in [0, 1] as bytes; what is not finite counts as the lowest, as in files."""
    finite = np.isfinite(values)
    if not finite.any():
        raise InputError(f"{name}: no pixel has a finite value")
    low, high = float(values[finite].min()), float(values[finite].max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise InputError(
            f"{name}: floats of a picture lie in [0, 1], these reach from {low:.4g} to {high:.4g}; scale them"
        )
    return np.asarray(np.rint(np.clip(np.where(finite, values, low), 0, 1) * 255), np.uint8)


def _with_contrast(rgb: ByteArray, name: str | Path) -> ByteArray:
    if rgb.min() == rgb.max():
        raise InputError(f"{name}: every pixel has the same value; there is nothing to inspect")
    return rgb


def _to_rgb(picture: Image.Image, name: str, notes: list[str] | None = None) -> ByteArray:
    if picture.mode.startswith("I") or picture.mode == "F":
        grey = to_8_bit(np.asarray(picture), name, [] if notes is None else notes)
        return np.repeat(grey[..., None], 3, axis=2)
    if "A" in picture.mode or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()).replace(str(Path.home()), "~") or type(error).__name__
