"""Which turned and mirrored references are as normal as the references themselves.

Parts that lie in any orientation, and patterns that run every way, are normal however they are turned; a weave or a
chest is not. Whether a turn keeps what is normal shows in the references: a token of one then finds its nearest
neighbour among the others as often turned as not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from looktwice.evidence.comparisons.memory_bank import nearest_distance
from looktwice.evidence.comparisons.patch_features import PatchFeatures

Pictures = Sequence[npt.NDArray[np.uint8]]

# The other seven orientations of a picture: whether it is mirrored, and then turned by how many right angles.
TURNS = tuple(product((False, True), range(4)))[1:]
# A turn is normal where this share of tokens lies nearer to the others turned; half of them, where it changes nothing.
NORMAL_SHARE = 0.25
# A turn is tried on so many references before all are looked at.
TRIED = 3
# Every so many tokens are asked.
_STEP = 3


def turn(picture: npt.NDArray[np.uint8], mirrored: bool, quarters: int) -> npt.NDArray[np.uint8]:
    """Return a picture, mirrored or not, turned by so many right angles."""
    return np.ascontiguousarray(np.rot90(picture[:, ::-1] if mirrored else picture, quarters))


def normal_turns(
    pictures: Pictures, described: PatchFeatures, describe: Callable[[Pictures], PatchFeatures]
) -> list[PatchFeatures]:
    """Return normal pictures in those of the other orientations that are no less normal.

    Parameters
    ----------
    pictures : sequence of uint8, shape (H, W, 3)
        At least two.
    described : PatchFeatures
        Of them.
    describe : callable
        Describes pictures.
    """
    kept = []
    for mirrored, quarters in TURNS:
        turned = [turn(picture, mirrored, quarters) for picture in pictures]
        trial = describe(turned[:TRIED])
        if is_normal_turn(described, trial):
            rest = [describe(turned[TRIED:])] if len(turned) > TRIED else []
            kept.append(PatchFeatures.concatenate([trial, *rest]))
    return kept


def is_normal_turn(described: PatchFeatures, trial: PatchFeatures) -> bool:
    """Say whether a turn keeps what is normal.

    Parameters
    ----------
    described : PatchFeatures
        Of at least two normal pictures.
    trial : PatchFeatures
        Of the first of them, at least two, turned.
    """
    straight, turned = (one.fields[-1].float().flatten(1, 2) for one in (described, trial))
    shares = []
    for index, view in enumerate(straight[: len(turned)]):
        others = [other for other in range(len(turned)) if other != index]
        far, near = (nearest_distance(view[::_STEP], seen[others].flatten(0, 1)) for seen in (straight, turned))
        shares.append(float((near < far).float().mean()))
    return float(np.mean(shares)) >= NORMAL_SHARE
