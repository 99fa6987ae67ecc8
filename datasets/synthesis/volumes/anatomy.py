"""Where the tissue is that a lesion may lie in, and what it looks like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]
Window = tuple[slice, slice, slice]

SOFT_HU = (0.0, 100.0)
"""Brain and other soft tissue in CT."""

SKIN_HU = -300.0
"""Between air and the skin in CT."""

BRIDGES_MM = (4.0, 7.0, 10.0)
"""Half the width of the strands that brain, scalp and neck may hang together by."""

SKIN_MM = 5.0
"""The brain does not come so close to the skin."""

BRAIN_ML = (700.0, 2200.0)
"""The brain with what lies between its folds; a head with its skin is larger."""

DEEP_MM = 15.0
FOLD_MM = 8.0
COARSE_MM = 2.5


@dataclass(frozen=True)
class Anatomy:
    """A scan with what painters ask about it.

    Attributes
    ----------
    volume : float32, (I, J, K)
    spacing : (float, float, float)
        Voxel size in mm.
    tissue : bool, (I, J, K)
        Where lesions may lie.
    median, spread : float
        Of the tissue's values; the spread is robust (interquartile range / 1.349).

    Examples
    --------
    >>> volume = np.random.default_rng(0).normal(100, 10, (20, 20, 20)).astype(np.float32)
    >>> tissue = np.zeros(volume.shape, bool)
    >>> tissue[5:15, 5:15, 5:15] = True
    >>> anatomy = Anatomy.of(volume, (2.0, 2.0, 2.0), tissue)
    >>> round(anatomy.median), round(anatomy.spread), float(anatomy.depth.max())
    (100, 10, 10.0)
    """

    volume: FloatArray
    spacing: Spacing
    tissue: BoolArray
    median: float
    spread: float

    @classmethod
    def of(cls, volume: FloatArray, spacing: Spacing, tissue: BoolArray | None = None) -> Anatomy:
        """Prepare a scan for painting; the tissue is found where it is not given.

        Raises
        ------
        ValueError
            There is no tissue, or it is all of one value.
        """
        tissue = find_tissue(volume, spacing) if tissue is None else tissue
        values = volume[tissue]
        if values.size < 100:
            raise ValueError("no tissue was found in the volume")
        low, middle, high = np.percentile(values, (25, 50, 75))
        if high <= low:
            raise ValueError("all of the tissue has the same value")
        return cls(volume, spacing, tissue, float(middle), float((high - low) / 1.349))

    @cached_property
    def depth(self) -> FloatArray:
        """Distance of each voxel of the tissue to its surface, in mm."""
        return distance_mm(self.tissue, self.spacing)

    def window(self, centre: npt.ArrayLike, reach_mm: float) -> Window:
        """Return the box around a voxel that reaches `reach_mm` far, cut at the volume's border."""
        low = np.floor(np.asarray(centre) - reach_mm / np.asarray(self.spacing)).astype(int)
        high = np.ceil(np.asarray(centre) + reach_mm / np.asarray(self.spacing)).astype(int) + 1
        i, j, k = (
            slice(max(0, int(lo)), min(size, int(hi)))
            for lo, hi, size in zip(low, high, self.volume.shape, strict=True)
        )
        return i, j, k

    def voxels(self, millimetres: float) -> tuple[float, float, float]:
        """Return a length in voxels along each axis."""
        i, j, k = (millimetres / size for size in self.spacing)
        return i, j, k


def find_tissue(volume: FloatArray, spacing: Spacing) -> BoolArray:
    """Find the brain, or the largest soft organ, on a grid of about 2.5 mm.

    What is no larger than a brain was stripped already: all of it is tissue. In a whole head the brain is what hangs
    together inside, stays away from the skin and has the size of a brain: soft tissue by HU in CT (some voxel below
    -300), else what lies in some band of values. Where there is no such part, whatever is 15 mm below the skin counts.
    """
    steps = [max(1, round(COARSE_MM / size)) for size in spacing]
    coarse = np.ascontiguousarray(volume[:: steps[0], :: steps[1], :: steps[2]])
    wide = (spacing[0] * steps[0], spacing[1] * steps[1], spacing[2] * steps[2])
    found = _find_coarsely(coarse, wide)
    # Back to the scan's own grid, smoothly.
    index = [np.arange(size) / step for size, step in zip(volume.shape, steps, strict=True)]
    rows = np.meshgrid(*index, indexing="ij", copy=False)
    fine: BoolArray = ndimage.map_coordinates(found.astype(np.float32), rows, order=1, mode="nearest") > 0.5
    return fine


def _find_coarsely(volume: FloatArray, spacing: Spacing) -> BoolArray:
    low, high = (float(value) for value in np.percentile(volume, (0.5, 99.5)))
    if high <= low:
        return np.zeros(volume.shape, bool)
    millilitre = 1000 / float(np.prod(spacing))
    if float(volume.min()) < SKIN_HU:
        head = _main_part(volume > SKIN_HU, spacing)
        bands = [SOFT_HU]
    else:
        head = _main_part(volume > low + 0.5 * (threshold_otsu(np.clip(volume, low, high)) - low), spacing)
        if np.count_nonzero(head) < BRAIN_ML[1] * millilitre:
            return head
        *lows, middling, high = np.percentile(volume[head], (10, 20, 30, 40, 50, 80, 95))
        bands = [(lowest, highest) for highest in (np.inf, high, middling) for lowest in lows]
    below_skin = distance_mm(head, spacing)
    middle = below_skin > 0.6 * float(np.max(below_skin, where=np.isfinite(below_skin), initial=0))
    for bridge in BRIDGES_MM:
        for lowest, highest in bands:
            part = _main_part((volume > lowest) & (volume < highest) & head, spacing, bridge)
            large = BRAIN_ML[0] * millilitre < np.count_nonzero(part) < BRAIN_ML[1] * millilitre
            if large and part[middle].mean() > 0.5 and np.mean(below_skin[part] < SKIN_MM) < 0.02:
                # Folds and ventricles lie inside too.
                near = distance_mm(~part, spacing) <= FOLD_MM
                return np.asarray(distance_mm(near, spacing) > FOLD_MM) & (below_skin > SKIN_MM)
    return np.asarray(below_skin > DEEP_MM)


def _main_part(mask: BoolArray, spacing: Spacing, bridge_mm: float = 4.0) -> BoolArray:
    """Return the largest part of `mask` once thin strands are cut, grown back to where they were cut and filled."""
    inner = distance_mm(mask, spacing) > bridge_mm
    label, count = ndimage.label(inner)
    if not count:
        return mask
    largest = label == 1 + int(np.argmax(np.bincount(label.ravel())[1:]))
    grown = distance_mm(~largest, spacing) <= bridge_mm
    filled: BoolArray = np.asarray(ndimage.binary_fill_holes(grown & mask))
    return filled


def distance_mm(mask: BoolArray, spacing: Spacing) -> FloatArray:
    """Return each voxel's distance to the nearest voxel outside `mask`, in mm; the border of the array is inside."""
    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    distance: FloatArray = ndimage.distance_transform_edt(mask, sampling=spacing).astype(np.float32)
    return distance
