"""Pictures that pieces are taken from: the donor given, or textures that scikit-image ships."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from looktwice.datasets.synthesis.images.canvas import ByteArray, Canvas

_SHIPPED = ("brick", "gravel", "grass", "moon", "coffee", "immunohistochemistry", "retina", "hubble_deep_field")


@lru_cache(maxsize=1)
def shipped_textures() -> tuple[ByteArray, ...]:
    """Return the textures that scikit-image ships, uint8 (H, W, 3) each."""
    from skimage import color, data

    pictures = (np.asarray(getattr(data, name)()) for name in _SHIPPED)
    return tuple(color.gray2rgb(picture) if picture.ndim == 2 else picture[..., :3] for picture in pictures)


def donor_of(canvas: Canvas) -> ByteArray:
    """Return the donor picture, or a texture that scikit-image ships where there is none."""
    if canvas.donor is not None:
        return canvas.donor
    textures = shipped_textures()
    # The picture decides, so that the same picture and seed always meet the same texture.
    return textures[int(canvas.image.sum(dtype=np.int64)) % len(textures)]
