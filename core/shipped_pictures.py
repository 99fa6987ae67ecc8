"""Images that scikit-image ships: textures and scenes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from looktwice.core.study import ByteArray

SHIPPED_MATERIALS = ("brick", "grass", "gravel")
SHIPPED_SCENES = ("astronaut", "camera", "cat", "coffee", "coins", "moon", "page", "text")


def shipped_pictures(names: Sequence[str] = SHIPPED_MATERIALS + SHIPPED_SCENES) -> list[ByteArray]:
    """Return images that scikit-image ships as RGB, uint8 (H, W, 3)."""
    import skimage.data

    pictures = []
    for name in names:
        picture = np.asarray(getattr(skimage.data, name)())
        pictures.append(
            np.ascontiguousarray(picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2))
        )
    return pictures
