"""Pictures of one and the same thing, told by their fine structure: examples of a thing must not be tested on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from looktwice.core.errors import InputError
from looktwice.datasets.files import IMAGES, suffix
from looktwice.datasets.hashing import content_hash
from looktwice.datasets.sample import Sample
from looktwice.modalities.images import read_image  # kind: pictures are compared by their pixels

# Pictures are compared at this side, in pixels, without what is wider than the blur.
SIDE = 64
BLUR = 3.0
# Correlation of fine structures from which two pictures show the same thing; those of different things come to 0.5.
ALIKE = 0.75


def things_shown(samples: Sequence[Sample]) -> list[str]:
    """Say which thing each sample shows: that of the benchmark (``Sample.patient``), else one name for pictures alike.

    What all pictures of a category have in common, as those of parts in one pose do, is no likeness. Volumes and clouds
    are the same only where their files are; files that cannot be read stand for themselves.

    Parameters
    ----------
    samples : sequence of Sample
        Of one category.
    """
    names = [_own_name(sample) for sample in samples]
    fine = {}
    for index, sample in enumerate(samples):
        if sample.patient is None and suffix(sample.path) in IMAGES:
            try:
                fine[index] = _thumb(read_image(sample.path))
            except InputError:
                continue
    if len(fine) > 1:
        _, groups = connected_components(likeness(np.array(list(fine.values()))) > ALIKE)
        for index, group in zip(fine, groups, strict=True):
            names[index] = f"picture {group}"
    return names


def likeness(thumbs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Correlate the fine structures of pictures, without what they have in common.

    Parameters
    ----------
    thumbs : float, shape (N, S, S)

    Returns
    -------
    float, shape (N, N)
    """
    own = thumbs - thumbs.mean(axis=0) if len(thumbs) > 2 else thumbs
    fine = own - ndimage.gaussian_filter(own, (0, BLUR, BLUR))
    # Clipped, so that one glaring flaw in the same place does not make two things one.
    flat = np.clip(fine / np.maximum(fine.std(axis=(1, 2), keepdims=True), 1e-9), -3, 3).reshape(len(fine), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    alike: npt.NDArray[np.float64] = flat @ flat.T
    return alike


def _own_name(sample: Sample) -> str:
    if sample.patient is not None:
        return f"patient {sample.patient}"
    try:
        return f"file {content_hash(sample.path)}"
    except InputError:
        return f"file {sample.path}"


def _thumb(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    small = Image.fromarray(image).convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float64)
