"""Telling label maps from scans: a segmentation that is given as the image would be judged as one."""

from __future__ import annotations

import numpy as np

from looktwice.modalities.volumes.voxels import Voxels

MOST_LABELS = 256
"""TotalSegmentator has 118, FreeSurfer's atlases about 200."""

EVEN_SHARE = 0.75
"""Of the neighbours of a label, so many have it too; those of a tissue in a scan of few grey levels do not."""

MOST_LOOKED_AT = 24
"""Slices that are looked at."""


def looks_like_labels(voxels: Voxels) -> bool:
    """Tell whether voxels hold few whole numbers, each in large areas.

    Examples
    --------
    >>> labels = np.zeros((40, 40, 8), np.int16)
    >>> labels[5:20, 5:35], labels[20:35, 5:35] = 3, 17
    >>> looks_like_labels(Voxels(labels))
    True
    >>> looks_like_labels(Voxels(np.random.default_rng(0).integers(0, 40, (40, 40, 8))))
    False
    """
    values: set[float] = set()
    pairs = alike = 0
    for index in range(0, voxels.shape[2], max(1, voxels.shape[2] // MOST_LOOKED_AT)):
        plane = voxels.planes(2, index, index + 1)[:, :, 0]
        if not (np.isfinite(plane).all() and plane.min() >= 0 and (plane == np.rint(plane)).all()):
            return False
        values.update(np.unique(plane).tolist())
        if len(values) > MOST_LABELS:
            return False
        for near, far in ((plane[1:], plane[:-1]), (plane[:, 1:], plane[:, :-1])):
            labelled = (near != 0) & (far != 0)
            pairs += int(np.count_nonzero(labelled))
            alike += int(np.count_nonzero(labelled & (near == far)))
    return len(values) >= 2 and pairs > 0 and alike >= EVEN_SHARE * pairs
