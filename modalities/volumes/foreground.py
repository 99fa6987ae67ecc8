"""The foreground (the patient): found on a coarse sample of the scan, evaluated at native voxels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu

from looktwice.core.errors import InputError
from looktwice.core.study import BoolArray, FloatArray
from looktwice.modalities.volumes.scan import Kind
from looktwice.modalities.volumes.voxels import Box, Voxels

COARSE_MM = 2.5
SKIN_HU = -300.0
"""Between air and fat; the skin is where CT crosses it."""

PADDED_SHARE = 0.25
"""A lowest value that so much of a scan shares is no measurement but padding (skull-stripped or masked scans)."""

LESSER_PART = 0.1
"""Parts smaller than this share of the largest one are not the patient: the table, wires, noise."""

SPARSE_SHARE = 0.15
CLOSING_SAMPLES = 8


@dataclass(frozen=True)
class CoarseScan:
    """Every n-th voxel of a scan.

    Attributes
    ----------
    values : float32, shape (A, B, C)
    strides, starts : (int, int, int)
        Voxel ``starts + strides * index`` is where ``values[index]`` was taken.

    Examples
    --------
    >>> voxels = Voxels(np.arange(1000, dtype=np.float32).reshape(10, 10, 10))
    >>> coarse = sample(voxels, (1.25, 1.25, 2.5), [])
    >>> coarse.values.shape, coarse.strides, coarse.starts
    ((5, 5, 10), (2, 2, 1), (1, 1, 0))
    >>> bool(coarse.values[2, 0, 0] == voxels.raw[1 + 2 * 2, 1, 0])
    True
    """

    values: FloatArray
    strides: tuple[int, int, int]
    starts: tuple[int, int, int]


def sample(voxels: Voxels, spacing: tuple[float, float, float], notes: list[str]) -> CoarseScan:
    """Take every n-th voxel so that samples lie about `COARSE_MM` apart, and settle values that are not finite.

    Raises
    ------
    InputError
        No value is finite, or all are equal.
    """
    if voxels.floating:
        _settle_nonfinite(voxels, notes)
    strides = [max(1, round(COARSE_MM / size)) for size in spacing]
    starts = [min(stride // 2, count - 1) for stride, count in zip(strides, voxels.shape, strict=True)]
    box = [slice(start, None, stride) for start, stride in zip(starts, strides, strict=True)]
    values = np.ascontiguousarray(voxels[box[0], box[1], box[2]])
    if values.min() == values.max() and _is_constant(voxels):
        raise InputError("all voxels have the same value; there is nothing to inspect")
    return CoarseScan(values, (strides[0], strides[1], strides[2]), (starts[0], starts[1], starts[2]))


def _settle_nonfinite(voxels: Voxels, notes: list[str]) -> None:
    """Let the lowest finite value stand in for NaN and infinity."""
    lowest, missing, total = np.inf, 0, 0
    for slab in voxels.slabs():
        finite = np.isfinite(slab)
        count = int(np.count_nonzero(finite))
        missing += slab.size - count
        total += slab.size
        if missing and count:
            lowest = min(lowest, float(slab[finite].min()))
        elif count:
            lowest = min(lowest, float(slab.min()))
    if missing == total:
        raise InputError("no voxel has a finite value; export the scan again")
    if missing:
        voxels.fill = lowest
        notes.append(f"{missing} of {total} voxels were not finite and count as background")


def _is_constant(voxels: Voxels) -> bool:
    lowest, highest = np.inf, -np.inf
    for slab in voxels.slabs():
        lowest, highest = min(lowest, float(slab.min())), max(highest, float(slab.max()))
    return lowest == highest


@dataclass(frozen=True)
class Foreground:
    """The head or body in a scan.

    Attributes
    ----------
    mask : bool, shape (A, B, C)
        On the grid of `coarse`.
    coarse : CoarseScan
    shape : (int, int, int)
        Of the native grid.

    Examples
    --------
    >>> ball = ((np.indices((40, 40, 40)) - 20) ** 2).sum(axis=0) < 12**2
    >>> coarse = sample(Voxels(ball * 100.0), (2.5, 2.5, 2.5), [])
    >>> patient = find_foreground(coarse, Kind.OTHER, ball.shape)
    >>> patient.extent
    (slice(9, 32, None), slice(9, 32, None), slice(9, 32, None))
    >>> patient[18:20, 20:21, 20:21].ravel()
    array([ True,  True])
    """

    mask: BoolArray
    coarse: CoarseScan
    shape: tuple[int, int, int]

    def __getitem__(self, box: Box) -> BoolArray:
        """Return the mask at the native voxels of one box: where the trilinear interpolation reaches one half."""
        places = [self._coarse_places(axis, box[axis]) for axis in range(3)]
        i, j, k = (slice(int(at.min()), int(at.max()) + 2) for at in places)
        # Axis k comes last, in front: whole planes are blended then, in the order in which scans lie in memory.
        values: FloatArray = self.mask[i, j, k].T.astype(np.float32)
        for axis, first in enumerate((i.start, j.start, k.start)):
            values = _blend(values, 2 - axis, places[axis] - first)
        inside: BoolArray = values.T >= 0.5
        return inside

    def at(self, i: npt.NDArray[np.float64], j: npt.NDArray[np.float64], k: npt.NDArray[np.float64]) -> BoolArray:
        """Return the mask, shape (len(i), len(j), len(k)), where voxel coordinates along the three axes meet."""
        places = [
            (voxels - start) / stride
            for voxels, start, stride in zip((i, j, k), self.coarse.starts, self.coarse.strides, strict=True)
        ]
        grid = np.meshgrid(*places, indexing="ij", copy=False)
        values = ndimage.map_coordinates(self.mask.astype(np.float32), grid, order=1, mode="nearest")
        return np.asarray(values >= 0.5)

    def _coarse_places(self, axis: int, wanted: slice) -> npt.NDArray[np.float32]:
        """Return where voxels along one axis lie among the coarse samples."""
        voxels = np.arange(self.shape[axis], dtype=np.float32)[wanted]
        places = (voxels - self.coarse.starts[axis]) / self.coarse.strides[axis]
        return np.clip(places, 0, self.mask.shape[axis] - 1)

    @cached_property
    def extent(self) -> tuple[slice, slice, slice]:
        """Smallest native box that holds the foreground."""
        inside = [np.flatnonzero(self.areas(axis)) for axis in range(3)]
        i, j, k = (slice(int(at[0]), int(at[-1]) + 1) for at in inside)
        return i, j, k

    def areas(self, axis: int) -> npt.NDArray[np.int64]:
        """Foreground in each native plane across `axis`, in coarse voxels; 0 where there is none."""
        planes = np.count_nonzero(self.mask, axis=tuple(other for other in range(3) if other != axis))
        nearest = (np.arange(self.shape[axis]) - self.coarse.starts[axis]) / self.coarse.strides[axis]
        return cast("npt.NDArray[np.int64]", planes[np.clip(np.rint(nearest).astype(int), 0, len(planes) - 1)])

    def values(self) -> FloatArray:
        """Return the sampled values inside, for statistics."""
        return self.coarse.values[self.mask]


def _blend(values: FloatArray, axis: int, places: npt.NDArray[np.float32]) -> FloatArray:
    """Interpolate linearly along one axis."""
    below = places.astype(np.intp)
    above = np.minimum(below + 1, values.shape[axis] - 1)
    share = (places - below).reshape([-1 if axis == other else 1 for other in range(3)])
    out: FloatArray = values.take(above, axis=axis)
    low = values.take(below, axis=axis)
    out -= low
    out *= share
    out += low
    return out


def find_foreground(coarse: CoarseScan, kind: Kind, shape: tuple[int, int, int]) -> Foreground:
    """Find the head or body: a threshold, the large parts, what they enclose.

    CT is cut at the skin's HU. Elsewhere, and in CT saved without air, half of Otsu's threshold (IEEE SMC 1979,
    doi:10.1109/TSMC.1979.4310076) is taken, as dark tissue belongs to the patient; a tenth of it where the
    background is padding.
    """
    with_air = kind is Kind.CT and coarse.values.min() < SKIN_HU
    bright = coarse.values > (SKIN_HU if with_air else _threshold(coarse.values))
    mask = _fill(_large_parts(bright))
    if _is_sparse(mask):
        mask = _fill(_close(bright))
    if not mask.any():
        mask = np.ones_like(bright)
    return Foreground(mask, coarse, shape)


def _is_sparse(mask: BoolArray) -> bool:
    """Tell whether so little of its own box is filled that it is no solid part: only vessels or bone are left."""
    boxes = ndimage.find_objects(mask.astype(np.uint8))
    return not boxes or float(mask[boxes[0]].mean()) < SPARSE_SHARE


def _close(mask: BoolArray) -> BoolArray:
    """Close gaps up to twice `CLOSING_SAMPLES`, by distances, as a ball of that size would."""
    padded = np.pad(mask, CLOSING_SAMPLES + 1)
    near = ndimage.distance_transform_edt(~padded) <= CLOSING_SAMPLES
    closed = ndimage.distance_transform_edt(near) > CLOSING_SAMPLES
    inner = slice(CLOSING_SAMPLES + 1, -CLOSING_SAMPLES - 1)
    cut: BoolArray = closed[inner, inner, inner]
    return cut


def _threshold(values: FloatArray) -> float:
    low, high = np.percentile(values, (0.5, 99.5))
    if high <= low:
        return float(values.min())
    share = 0.1 if np.mean(values == low) >= PADDED_SHARE else 0.5
    otsu = threshold_otsu(np.clip(values.ravel(), low, high))
    return float(low + share * (otsu - low))


def _large_parts(mask: BoolArray) -> BoolArray:
    """Keep the largest part and all that come close to it; thin bridges do not connect."""
    opened = ndimage.binary_opening(mask, border_value=0)
    if np.count_nonzero(opened) < 0.5 * np.count_nonzero(mask):
        opened = mask
    labels, count = ndimage.label(opened)
    if count == 0:
        return cast("BoolArray", opened)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    kept = (sizes >= LESSER_PART * sizes.max())[labels]
    return cast("BoolArray", ndimage.binary_dilation(kept) & mask)


def _fill(mask: BoolArray) -> BoolArray:
    """Fill what is enclosed within any plane of the grid: lungs and sinuses open to the outside elsewhere."""
    filled: BoolArray = mask.copy()
    for axis in range(3):
        filled |= ~_reached_within_planes(~mask, axis)
    return filled


def _reached_within_planes(empty: BoolArray, axis: int) -> BoolArray:
    """Return the part of `empty` that is connected to the border within its own plane across `axis`."""
    in_plane: BoolArray = ndimage.generate_binary_structure(3, 1)
    in_plane[[0, 2]] = False
    labels, count = ndimage.label(np.moveaxis(empty, axis, 0), structure=in_plane)
    outside: BoolArray = np.zeros(count + 1, bool)
    for border in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        outside[border.ravel()] = True
    outside[0] = False
    reached: BoolArray = np.moveaxis(outside[labels], 0, axis)
    return reached
