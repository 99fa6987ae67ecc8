"""Whether a head's mid-sagittal plane can be believed: asymmetry across a wrong one means nothing."""

from __future__ import annotations

import numpy as np

from looktwice.modalities.volumes.asymmetry import Head, MirrorPlane
from looktwice.modalities.volumes.study import VolumeStudy

MOST_APART_MM = 5.0
"""Root mean square over the head, between the plane of best symmetry and the one that the template puts there."""

MOST_EMPTY = 0.5
"""Share of a head that may show nothing: where vessels alone are seen, hardly anything has a counterpart."""

EMPTY = 0.02
"""Of the head's range of values."""

THINNED = 50


def doubt(study: VolumeStudy, head: Head, plane: MirrorPlane) -> str | None:
    """Return why the two sides of a head cannot be held against each other; None where they can.

    The plane comes from the head's likeness to its mirror image. Where the field of view leaves out part of a side that
    likeness is highest across some other plane, which the alignment with the template then contradicts: it is a second
    witness, found by other means.
    """
    if np.mean(head.values[head.mask] < EMPTY) > MOST_EMPTY:
        return "most of the head shows nothing (an angiogram?)"
    apart = distance_to_template(study, head, plane)
    if apart is None:
        return "the head could not be aligned with the MNI152 template, so that nothing confirms its midline"
    if apart > MOST_APART_MM:
        return f"its plane of best symmetry lies {apart:.0f} mm off the midline (is part of a side missing?)"
    return None


def distance_to_template(study: VolumeStudy, head: Head, plane: MirrorPlane) -> float | None:
    """Return how far a plane lies from x = 0 of MNI space, in patient millimetres, root mean square over the head.

    None where the head could not be aligned.
    """
    if study.to_mni is None:
        return None
    x, y, z = np.argwhere(head.mask)[::THINNED].T * head.spacing[:, None]
    from_plane = (x - plane.at - plane.by_y * y - plane.by_z * z) / np.sqrt(1 + plane.by_y**2 + plane.by_z**2)
    coarse, axes, signs = study.foreground.coarse, study.orientation.axes, study.orientation.signs
    voxels = np.empty((3, len(x)))
    for axis, sign, count, size, places in zip(axes, signs, head.mask.shape, head.spacing, (x, y, z), strict=True):
        index = places / size if sign > 0 else count - 1 - places / size
        voxels[axis] = coarse.starts[axis] + coarse.strides[axis] * index
    to_mni = study.to_mni @ study.scan.affine
    from_template = (to_mni[0, :3] @ voxels + to_mni[0, 3]) / np.linalg.norm(study.to_mni[0, :3])
    return float(np.sqrt(np.mean((from_plane - from_template) ** 2)))
