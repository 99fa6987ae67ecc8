"""A photograph as a `Study`: its own only view, and one score per pixel back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.transform import resize

from looktwice.core.study import ByteArray, Modality, Study, View
from looktwice.modalities.images.pixel_map import PixelMap
from looktwice.modalities.images.reading import read_image
from looktwice.modalities.volumes.sniffing import head_of, is_dicom


class ImageStudy(Study):
    """One photograph, which is its own only view.

    Parameters
    ----------
    source : Path
        Its file, or a name where `image` is given.
    image : uint8, shape (H, W, 3), optional
        Its pixels, where they are not to be read from a file.

    Examples
    --------
    >>> study = ImageStudy(Path("plate.png"), np.full((60, 80, 3), 128, np.uint8))
    >>> study.name, len(study.views())
    ('plate', 1)
    >>> coarse = np.zeros((1, 3, 4))
    >>> coarse[0, 1, 3] = 1
    >>> study.lift(coarse).values.shape
    (60, 80)
    """

    modality = Modality.IMAGE

    def __init__(self, source: Path, image: ByteArray | None = None) -> None:
        self.source = source
        self.name = source.stem
        self.notes: list[str] = []
        self.medical = image is None and is_dicom(head_of(source))
        self._image = read_image(source, self.notes) if image is None else image

    def views(self) -> Sequence[View]:
        """Return the photograph as its one view."""
        return [View(self._image, "image", 0)]

    def lift(self, maps: npt.NDArray[np.floating[Any]]) -> PixelMap:
        """Bring a map (1, h, w) to the photograph's own pixels, bilinearly, smoothed by half a map cell."""
        (small,) = maps
        height, width = self._image.shape[:2]
        smooth = ndimage.gaussian_filter(np.asarray(small, np.float32), 0.5)
        large = resize(smooth, (height, width), order=1, mode="edge", anti_aliasing=False, preserve_range=True)
        return PixelMap(np.clip(large, 0, 1).astype(np.float32))
