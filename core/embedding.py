"""Images, arrays and scripts embedded in an HTML file, so that it works offline and as a single file."""

from __future__ import annotations

import importlib.util
from base64 import b64encode
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def jpeg_uri(picture: Image.Image, quality: int = 88) -> str:
    """Return an opaque image as a ``data:`` URI, JPEG-compressed (lossy)."""
    buffer = BytesIO()
    picture.save(buffer, format="JPEG", quality=quality)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode('ascii')}"


def png_uri(picture: Image.Image) -> str:
    """Return an image as a ``data:`` URI, PNG-compressed (lossless); palettes keep their transparency."""
    buffer = BytesIO()
    picture.save(buffer, format="PNG", compress_level=3)
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode('ascii')}"


def array_base64(values: npt.NDArray[Any]) -> str:
    """Return an array's bytes in base64, little-endian and in C order, for a JavaScript typed array."""
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
    return b64encode(little.tobytes()).decode("ascii")


@cache
def installed_script(package: str, file_name: str) -> str | None:
    """Return a script that an installed Python package contains, or None if it has none of that name.

    The package is searched on disk, not imported, because importing ``nilearn.plotting`` takes seconds.
    """
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for path in Path(folder).rglob(file_name):
            return path.read_text(encoding="utf-8")
    return None
