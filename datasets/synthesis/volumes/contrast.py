"""One head as other sequences of MRI would show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from looktwice.datasets.synthesis.volumes.anatomy import Anatomy, FloatArray

UNEVENNESS = 0.12
"""Standard deviation of the logarithm of each tissue's brightness, from scanner to scanner."""

BRIGHTER_THAN_WHITE = 1.6
"""Fat and vessels of a T1 image, as a multiple of white matter; they come out brighter than all tissues."""

NOISE = (0.005, 0.02)
"""Of the brightest tissue."""


@dataclass(frozen=True)
class Sequence:
    """How bright a sequence shows fluid, grey and white matter, relative to each other, and which lesions it shows.

    Examples
    --------
    >>> SEQUENCES["t2"].fluid > SEQUENCES["t2"].white, SEQUENCES["flair"].fluid > SEQUENCES["flair"].white
    (True, False)
    """

    fluid: float
    grey: float
    white: float
    lesions: tuple[str, ...]


SEQUENCES = {
    "flair": Sequence(0.12, 0.62, 0.52, ("bright", "plaques", "mass", "bright", "plaques", "cyst")),
    "t2": Sequence(1.0, 0.55, 0.38, ("bright", "plaques", "mass", "cyst", "bright")),
    "pd": Sequence(0.75, 0.72, 0.55, ("bright", "plaques", "mass")),
}
AS_GIVEN = ("dark", "cyst", "mass", "ring", "dark", "bleed")
"""Lesions of T1 images and of CT."""


def change_sequence(
    rng: np.random.Generator, anatomy: Anatomy, levels: tuple[float, float, float], sequence: Sequence
) -> Anatomy:
    """Return a T1 image of a head as another sequence might show it; air stays air.

    Parameters
    ----------
    rng : numpy Generator
    anatomy : Anatomy
    levels : (float, float, float)
        Intensities of fluid, grey and white matter in the image; ascending.
    sequence : Sequence
    """
    air = float(anatomy.volume.min())
    wanted = np.array([sequence.fluid, sequence.grey, sequence.white]) * np.exp(rng.normal(0, UNEVENNESS, 3))
    brightest = float(wanted.max())
    known = np.maximum.accumulate([air, *levels, levels[2] + (BRIGHTER_THAN_WHITE - 1) * (levels[2] - air)])
    shown = np.array([0.0, *wanted, 1.3 * brightest]) / brightest
    volume = np.interp(anatomy.volume, known + 1e-6 * np.arange(5), shown).astype(np.float32)
    noise = rng.standard_normal(volume.shape, dtype=np.float32) * np.float32(rng.uniform(*NOISE))
    noisy: FloatArray = np.where(anatomy.volume > air, volume + noise, 0)
    return Anatomy.of(noisy, anatomy.spacing, anatomy.tissue)
