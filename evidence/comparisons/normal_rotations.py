"""Which rotations and reflections of the references are as normal as the references themselves.

Parts that may lie in any orientation and isotropic patterns stay normal when they are rotated; a weave or a chest does
not. The references show whether a rotation is normal: if it is, the nearest neighbours of their tokens are as often in
the rotated references as in the upright ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from looktwice.evidence.comparisons.memory_bank import nearest_distance
from looktwice.evidence.comparisons.patch_features import PatchFeatures
from looktwice.evidence.settings import DEFAULTS, RotationSettings

Pictures = Sequence[npt.NDArray[np.uint8]]

# The seven other rotations and reflections of an image: whether it is mirrored, then the number of quarter turns.
TURNS = tuple(product((False, True), range(4)))[1:]


def turn(picture: npt.NDArray[np.uint8], mirrored: bool, quarters: int) -> npt.NDArray[np.uint8]:
    """Return an image (H, W, 3), mirrored or not, and then rotated by `quarters` right angles."""
    return np.ascontiguousarray(np.rot90(picture[:, ::-1] if mirrored else picture, quarters))


def normal_turns(
    pictures: Pictures,
    described: PatchFeatures,
    describe: Callable[[Pictures], PatchFeatures],
    settings: RotationSettings = DEFAULTS.rotations,
) -> list[PatchFeatures]:
    """Return the features of the references in those rotations and reflections that are normal.

    Parameters
    ----------
    pictures : sequence of uint8, shape (H, W, 3)
        At least two reference images.
    described : PatchFeatures
        Their features.
    describe : callable
        Encodes images to features.
    settings : RotationSettings
    """
    kept = []
    for mirrored, quarters in TURNS:
        turned = [turn(picture, mirrored, quarters) for picture in pictures]
        trial = describe(turned[: settings.num_tried])
        if is_normal_turn(described, trial, settings):
            rest = [describe(turned[settings.num_tried :])] if len(turned) > settings.num_tried else []
            kept.append(PatchFeatures.concatenate([trial, *rest]))
    return kept


def is_normal_turn(
    described: PatchFeatures, trial: PatchFeatures, settings: RotationSettings = DEFAULTS.rotations
) -> bool:
    """Return whether a rotation is as normal as the references.

    Parameters
    ----------
    described : PatchFeatures
        Features of at least two reference images.
    trial : PatchFeatures
        Features of the first of these images, at least two, rotated.
    settings : RotationSettings
    """
    straight, turned = (one.fields[-1].float().flatten(1, 2) for one in (described, trial))
    shares = []
    for index, view in enumerate(straight[: len(turned)]):
        others = [other for other in range(len(turned)) if other != index]
        far, near = (
            nearest_distance(view[:: settings.step], seen[others].flatten(0, 1)) for seen in (straight, turned)
        )
        shares.append(float((near < far).float().mean()))
    return float(np.mean(shares)) >= settings.normal_share
