"""From voxel values to eight-bit channels: HU windows for CT, robust percentiles for everything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from looktwice.core.errors import UsageError
from looktwice.core.study import ByteArray, FloatArray
from looktwice.modalities.volumes.scan import Kind

HU_PRESETS = {
    "brain": (40.0, 80.0),
    "subdural": (75.0, 215.0),
    "stroke": (40.0, 40.0),
    "lung": (-600.0, 1500.0),
    "bone": (500.0, 2000.0),
    "soft tissue": (50.0, 400.0),
    "mediastinum": (50.0, 350.0),
}
"""Level and width in Hounsfield units."""

HEAD_CHANNELS = ("brain", "subdural", "bone")
BODY_CHANNELS = ("soft tissue", "lung", "bone")

SOFT_HU, BONE_HU, DENSE_BONE_HU = 100.0, 300.0, 700.0
# Half of the soft tissue at least lies above it: brain is at 25 to 40 HU, muscle and organs at 40 to 60.
LEAST_SOFT_HU = 15.0
SHOWN_SHARE = 0.05
SOFT_SHARE, BONE_SHARE = 0.4, 0.02
# No more than this share of what is shown is bone.
MOST_BONE = 0.3
# Of what is not air, no more than this share lies between lung and fat, where there is nothing but edges.
EMPTY_HU, EMPTY_SHARE = (-850.0, -200.0), 0.12
"""Of what is not air, in CT."""

HIGHEST_AIR = 150.0
"""Of CT raised by 1000 or 1024: what lies below is air and its noise."""

AIR_SHARE, MIDDLE_OF_AIR = 0.01, 16.0
"""Air that was measured varies: so much of a scan holds values of air above 0. Their median lies below the middle
where air is at 0 and only the upper half of its noise is left (up to 20 HU of noise), above it where air is at 24."""

PERCENTILES = (0.5, 99.8)
"""Of the foreground; what lies outside is clipped. The upper one is high, for lesions may be the brightest part."""


@dataclass(frozen=True)
class Windows:
    """Three intensity windows, one a colour channel, constant over the scan.

    Attributes
    ----------
    limits : three (low, high) pairs

    Examples
    --------
    >>> hounsfield = np.array([-1000, 0, 40, 80, 1000], np.float32)
    >>> brain = choose_windows("brain", Kind.CT, True, hounsfield)
    >>> brain.limits[0], brain(hounsfield)[:, 0]
    ((0.0, 80.0), array([  0,   0, 127, 255, 255], dtype=uint8))
    >>> choose_windows("auto", Kind.CT, True, hounsfield)(hounsfield)[2]  # 40 HU through three windows
    array([127,  85,  68], dtype=uint8)
    """

    limits: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]

    def __call__(self, values: FloatArray) -> ByteArray:
        """Return `values` of shape (...) as pictures of shape (..., 3)."""
        first = _window(values, *self.limits[0])
        others = (first if pair == self.limits[0] else _window(values, *pair) for pair in self.limits[1:])
        return np.stack([first, *others], axis=-1)


def _window(values: FloatArray, low: float, high: float) -> ByteArray:
    scaled = (values - np.float32(low)) * np.float32(255 / (high - low))
    clipped: ByteArray = np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)
    return clipped


def choose_windows(window: str, kind: Kind, head: bool, inside: FloatArray) -> Windows:
    """Return the windows for a scan.

    Parameters
    ----------
    window : str
        "auto", a name in `HU_PRESETS`, or "level,width" in the scan's own unit.
    kind, head
        With "auto", CT gets three HU windows, those of heads or of bodies.
    inside : float32
        Sample of the foreground, for the percentiles of all other scans.

    Raises
    ------
    UsageError
        `window` is not understood.
    """
    if window == "auto" and kind is Kind.CT:
        first, second, third = (_limits(*HU_PRESETS[name]) for name in (HEAD_CHANNELS if head else BODY_CHANNELS))
        return Windows((first, second, third))
    if window == "auto":
        low, high = (float(value) for value in np.percentile(inside, PERCENTILES))
        limits = (low if high > low else low - 1.0, high)
    else:
        limits = _limits(*level_and_width(window))
    return Windows((limits, limits, limits))


def _limits(level: float, width: float) -> tuple[float, float]:
    return level - width / 2, level + width / 2


def level_and_width(window: str) -> tuple[float, float]:
    """Return what a preset's name or "level,width" stands for; raise a ``UsageError`` where it is neither."""
    name = window.lower().replace("_", " ").replace("-tissue", " tissue")
    if name in HU_PRESETS:
        return HU_PRESETS[name]
    try:
        level, width = (float(part) for part in window.split(","))
    except ValueError:
        width = 0.0
    if not (np.isfinite(width) and width > 0):
        raise UsageError(f"unknown window '{window}'; use auto, {', '.join(HU_PRESETS)}, or LEVEL,WIDTH")
    return level, width


def hu_offset(sample: FloatArray) -> float | None:
    """Return what was added to Hounsfield units that were saved without negative numbers; None if they are none.

    Either all were raised by 1000 or 1024, or everything below water was cut off to 0 (the offset is 0 then). CT is
    told by a narrow peak of soft tissue, which holds much of what is not air, by some bone far above it, and by next to
    nothing between air and fat; in MRI, tissues differ by more, and some have any value.
    """
    if sample.min() < 0:
        return None
    raised = _raised_by(sample)
    for offset, air in ((raised, HIGHEST_AIR), (0.0, 0.0)):
        shown = sample[sample > air] - offset
        if shown.size < SHOWN_SHARE * sample.size or shown.size > (1 - SHOWN_SHARE) * sample.size:
            continue
        if offset and np.mean((shown > EMPTY_HU[0]) & (shown < EMPTY_HU[1])) > EMPTY_SHARE:
            continue
        tissue = (shown > -SOFT_HU) & (shown < SOFT_HU)
        soft = np.mean(tissue)
        # Where everything below water is 0, tissue lies well above it; what an MRI's air shows does not.
        if soft and not offset and np.median(shown[tissue]) < LEAST_SOFT_HU:
            continue
        if soft >= SOFT_SHARE and BONE_SHARE <= np.mean(shown > BONE_HU) <= MOST_BONE and shown.max() > DENSE_BONE_HU:
            return offset
    return None


def _raised_by(sample: FloatArray) -> float:
    """Return 1024 or 1000: by where air lies, or if all of it was cut off to one value, by where soft tissue does."""
    air = sample[(sample > 0) & (sample <= HIGHEST_AIR)]
    if air.size >= AIR_SHARE * sample.size:
        # Raised by 1024, air is at 24. Raised by 1000 it is at 0, and of its noise only what is above 0 is left.
        return 1024.0 if np.median(air) >= MIDDLE_OF_AIR else 1000.0
    tissue = sample[np.abs(sample - 1024.0) < SOFT_HU]
    return 1000.0 if tissue.size and np.median(tissue) - 1024.0 < LEAST_SOFT_HU else 1024.0


def looks_like_hu(sample: FloatArray) -> bool:
    """Tell Hounsfield units by their values: air near -1000 and soft tissue near 0.

    At least 1 % of the voxels are air (or padding below it) and at least 1 % are soft tissue. MRI has no such values.
    """
    air = np.mean(sample <= -900)
    tissue = np.mean((sample > -150) & (sample < 150))
    return bool(air >= 0.01 and tissue >= 0.01)
