"""Finding and verifying a head's mid-sagittal plane: asymmetry across a wrong plane means nothing."""

from __future__ import annotations

import numpy as np

from looktwice.modalities.volumes.asymmetry import Head, MirrorPlane, find_mirror_plane
from looktwice.modalities.volumes.study import VolumeStudy

MOST_APART_MM = 5.0
"""Root mean square over the head, between the plane of best symmetry and the one that the template puts there."""

MOST_EMPTY = 0.5
"""Share of a head that may show nothing: where vessels alone are seen, hardly anything has a counterpart."""

EMPTY = 0.02
"""Of the head's range of values."""

THINNED = 50


def find_midline(study: VolumeStudy, head: Head) -> tuple[MirrorPlane | None, str]:
    """Return the plane between the sides of a head; None, and why, where they cannot be held against each other.

    The plane comes from the head's likeness to its mirror image. Where the field of view leaves out part of a side that
    likeness is highest across some other plane, which the alignment with the template then contradicts: it is a second
    witness, found by other means.
    """
    if np.mean(head.values[head.mask] < EMPTY) > MOST_EMPTY:
        return None, "most of the head shows nothing (an angiogram?)"
    if study.to_mni is None:
        return None, "the head could not be aligned with the MNI152 template, so that nothing confirms its midline"
    plane = find_mirror_plane(head)
    apart = distance_to_template(study, head, plane)
    if apart > MOST_APART_MM:
        return None, f"its plane of best symmetry lies {apart:.0f} mm off the midline (is part of a side missing?)"
    return plane, ""


def distance_to_template(study: VolumeStudy, head: Head, plane: MirrorPlane) -> float:
    """Return how far a plane lies from x = 0 of MNI space, in patient millimetres, root mean square over the head.

    The head is one that could be aligned.
    """
    assert study.to_mni is not None
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
