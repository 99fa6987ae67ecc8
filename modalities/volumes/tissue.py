"""Tissue features: how unusual each place of a brain is for its position, measured in 3D on the scan itself.

The expected intensity comes from the same scan, so any MRI contrast and CT will do: it is that of places with the same
proportions of grey matter, white matter and fluid, which the aligned MNI152 template gives. Features that depend on
neighbours are measured at 2 mm. The intensity of a place is measured at 1 mm, because small lesions are lost at a
coarser resolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from looktwice.core.statistics import MAD_TO_SD
from looktwice.core.study import BoolArray, FloatArray
from looktwice.modalities.volumes.averages import Averages, average
from looktwice.modalities.volumes.fields import SeparableField, interpolation
from looktwice.modalities.volumes.mni import STRIPPED_ML, TEMPLATE_MM, Affine, on_grid, template
from looktwice.modalities.volumes.scan import Kind
from looktwice.modalities.volumes.study import VolumeStudy
from looktwice.modalities.volumes.voxels import Box, Voxels

FINE_MM = 1.0
WIDE_MM = 2.0

TISSUE_BLUR_MM = 3.0
"""One head's folds are not another's: the template's tissues are known to so much."""

RIM_MM = 3.0
"""Depth at which the brain's surface, where skull and folds mislead, has lost most of its say."""

MARGIN_MM = 8.0
"""What a brain without its skull may reach beyond the template's."""

SCALES_MM = (2.0, 4.0)
SURROUND_MM = 6.0
WIDE_SURROUND_MM = 12.0
SIDES_MM = (2.5, 5.0)

SHARES = 6
"""Steps of the shares of white matter and of fluid that places are told apart by."""

FEWEST = 30
LEAST_SPREAD = 0.25
LEAST_ASYMMETRY = 0.05
MOST = 8.0
"""Spreads of the brain beyond which an intensity is cut."""

SLAB = 16
"""Planes of the fine grid judged together."""

DENSE_PERCENTILE, BONE_ABOVE = 99.0, 8.0
"""Bone lies so many spreads above the brain in CT; nothing does in MRI."""

PUREST = 0.85
"""Quantile of a tissue's share beyond which places are surely of it."""

_SIGNED_WIDE = ("deviation_2mm", "deviation_4mm", "blob_12mm", "asymmetry_2mm", "asymmetry_5mm")
_SIGNED_FINE = ("intensity", "deviation", "blob_6mm")
_SIDES = ("bright", "dark")
_PLACES = ("", " at the rim", " in fluid")


def _names(signed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{side} {name}{place}" for name in signed for side in _SIDES for place in _PLACES)


WIDE_FEATURES = (*_names(_SIGNED_WIDE), "rim", "fluid", "white")
FINE_FEATURES = _names(_SIGNED_FINE)
FEATURES = (*WIDE_FEATURES, *FINE_FEATURES)
"""Names of what a place is judged by, in the order of a head's weights."""


class Contrast(str, Enum):
    """How a scan shows the brain: what a lesion looks like depends on it."""

    T1 = "t1"
    """White matter brighter than grey."""
    T2 = "t2"
    """Grey matter brighter than white: T2, FLAIR, proton density."""
    CT = "ct"


@dataclass(frozen=True)
class Context:
    """What is usual around each place, on the grid of `WIDE_MM`; float32, shape (X, Y, Z) each.

    Attributes
    ----------
    expected, spread : float32
        Intensity of places of this kind, and its robust standard deviation.
    surround : float32
        Mean intensity around the place.
    rim : float32
        1 at the brain's surface, towards 0 inside.
    fluid : float32
        Share of fluid.
    brain : float32
        1 inside.

    Examples
    --------
    >>> one = np.ones((2, 2, 2), np.float32)
    >>> context = Context(expected=one, spread=0.5 * one, surround=one, rim=0 * one, fluid=0 * one, brain=one)
    >>> float(((3.0 - context.expected) / context.spread).max())  # so many spreads brighter than is usual there
    4.0
    >>> len(context.maps())
    6
    """

    expected: FloatArray
    spread: FloatArray
    surround: FloatArray
    rim: FloatArray
    fluid: FloatArray
    brain: FloatArray

    def maps(self) -> tuple[FloatArray, ...]:
        """Return the maps in the order of the attributes."""
        return self.expected, self.spread, self.surround, self.rim, self.fluid, self.brain


@dataclass(frozen=True)
class Tissue:
    """A brain's features.

    Attributes
    ----------
    fine : Averages
        Intensities at `FINE_MM`, in robust spreads from the brain's median.
    steps : (int, int, int)
        Samples of `fine` to one of the wider grid.
    context : Context
    wide : float32, shape (len(WIDE_FEATURES), X, Y, Z)
    contrast : Contrast

    Examples
    --------
    >>> places, one = np.arange(4.0), np.ones((2, 2, 2), np.float32)
    >>> values = np.zeros((4, 4, 4), np.float32)
    >>> values[1, 1, 1] = 5
    >>> fine = Averages(values, np.eye(4), (0, 1, 2), (places, places, places), (4, 4, 4))
    >>> usual = Context(0 * one, one, 0 * one, 0 * one, 0 * one, brain=one)
    >>> wide = np.zeros((len(WIDE_FEATURES), 2, 2, 2), np.float32)
    >>> tissue = Tissue(fine, (2, 2, 2), usual, wide, Contrast.T1)
    >>> weights = np.array([name == "bright deviation" for name in FEATURES], np.float32)
    >>> logits = tissue.logits(weights, bias=-3.0)
    >>> round(float(logits[1, 1, 1]), 1), round(float(logits[3, 3, 3]), 1)  # a bright spot, and a usual place
    (-1.2, -3.0)
    """

    fine: Averages
    steps: tuple[int, int, int]
    context: Context
    wide: FloatArray
    contrast: Contrast

    def logits(self, weights: npt.NDArray[np.float32], bias: float) -> FloatArray:
        """Return how unusual each place is by a linear head over `FEATURES`, at `FINE_MM`; NaN outside the brain."""
        linear = np.tensordot(weights[: len(WIDE_FEATURES)], self.wide, axes=1) + np.float32(bias)
        fields = [self._lifted(samples) for samples in (linear, *self.context.maps())]
        out = np.empty_like(self.fine.values)
        for first in range(0, len(out), SLAB):
            box = (slice(first, min(first + SLAB, len(out))), slice(0, out.shape[1]), slice(0, out.shape[2]))
            logits, *context, brain = (field[box] for field in fields)
            features = _fine_features(self.fine.values[box], *context)
            for weight, feature in zip(weights[len(WIDE_FEATURES) :], features, strict=True):
                logits += weight * feature
            out[box] = np.where(brain > 0.5, logits, np.nan)
        return out

    def at(self, places: npt.NDArray[np.intp]) -> FloatArray:
        """Return the features (n, len(FEATURES)) of places (n, 3), given as indices of the fine grid."""
        steps = np.array(self.steps)
        where = ((places - (steps - 1) / 2) / steps).T

        def read(samples: FloatArray) -> FloatArray:
            return np.asarray(ndimage.map_coordinates(samples, where, order=1, mode="nearest"), np.float32)

        *context, _ = (read(samples) for samples in self.context.maps())
        fine = _fine_features(self.fine.values[tuple(places.T)], *context)
        return np.stack([*(read(samples) for samples in self.wide), *fine], axis=1)

    def inside(self) -> BoolArray:
        """Return where the brain is, on the fine grid."""
        i, j, k = self.fine.values.shape
        return np.asarray(self._lifted(self.context.brain)[slice(0, i), slice(0, j), slice(0, k)] > 0.5)

    def _lifted(self, samples: FloatArray) -> SeparableField:
        first, second, third = (
            interpolation(count, np.arange(size) * step + (step - 1) / 2)
            for count, size, step in zip(self.fine.values.shape, samples.shape, self.steps, strict=True)
        )
        return SeparableField(samples, (0, 1, 2), (first, second, third))


def measure_tissue(study: VolumeStudy, voxels: Voxels | None = None) -> Tissue | None:
    """Measure a head; None where it could not be laid into MNI space, or half of its brain has one value.

    Parameters
    ----------
    study : VolumeStudy
    voxels : Voxels, optional
        Another scan of the case, in place of the first.
    """
    to_mni = study.to_mni
    if to_mni is None:
        return None
    fine = average(voxels or study.scan.voxels, study.scan.affine, study.orientation, study.foreground.extent, FINE_MM)
    wide = fine.coarser(WIDE_MM)
    foreground = wide.inside(study.foreground)
    brain = _find_brain(wide, foreground, to_mni)
    box, steps = _bounds(brain), tuple(np.array(fine.values.shape) // np.array(wide.values.shape))
    low, middle, high = np.percentile(wide.values[brain], (25, 50, 75))
    if high <= low:  # an angiogram shows vessels alone
        return None
    unit = float(high - low) / 1.349
    dense = np.percentile(wide.values[foreground], DENSE_PERCENTILE) > middle + BONE_ABOVE * unit
    wide, brain = _standardised(wide.cropped(box), middle, unit), brain[box]
    i, j, k = (slice(side.start * step, side.stop * step) for side, step in zip(box, steps, strict=True))
    head = template(TEMPLATE_MM)
    grey, white = (on_grid(share, head.affine, to_mni, wide.affine, brain.shape) for share in (head.grey, head.white))
    context, features = _measure_wide(wide, brain, grey, white, to_mni)
    contrast = Contrast.CT if study.kind is Kind.CT or dense else _contrast(wide, brain, grey, white)
    return Tissue(_standardised(fine.cropped((i, j, k)), middle, unit), steps, context, features, contrast)


def _contrast(wide: Averages, brain: BoolArray, grey: FloatArray, white: FloatArray) -> Contrast:
    """Tell how MRI shows the brain by the places that are surely grey or white matter in the template."""
    of_grey, of_white = (
        float(np.median(wide.values[brain & (share > np.quantile(share[brain], PUREST))])) for share in (grey, white)
    )
    return Contrast.T1 if of_white > of_grey else Contrast.T2


def _find_brain(wide: Averages, foreground: BoolArray, to_mni: Affine) -> BoolArray:
    """Return the template's brain; without a skull around, whatever is there."""
    brain = template(TEMPLATE_MM)
    usual = on_grid(brain.brain, brain.affine, to_mni, wide.affine, foreground.shape) > 0.5
    if np.count_nonzero(foreground) * float(np.prod(wide.spacing)) / 1000 > STRIPPED_ML:
        return usual & foreground
    near = ndimage.distance_transform_edt(~usual, sampling=wide.spacing) <= MARGIN_MM
    return np.asarray(near & foreground)


def _bounds(mask: BoolArray) -> Box:
    x, y, z = ndimage.find_objects(mask.astype(np.uint8))[0]
    return x, y, z


def _standardised(means: Averages, middle: float, unit: float) -> Averages:
    values = np.clip((means.values - np.float32(middle)) / np.float32(unit), -MOST, MOST)
    return replace(means, values=values)


def _measure_wide(
    wide: Averages, brain: BoolArray, grey: FloatArray, white: FloatArray, to_mni: Affine
) -> tuple[Context, FloatArray]:
    """Return what is usual at each place, and the features that take neighbours (see `WIDE_FEATURES`)."""
    grey, white = (_blurred(share, TISSUE_BLUR_MM, wide) for share in (grey, white))
    fluid = np.clip(1 - grey - white, 0, 1)
    rim = np.exp(-ndimage.distance_transform_edt(brain, sampling=wide.spacing) / RIM_MM).astype(np.float32)
    within = _Within(brain, wide)
    expected, spread = _usual(wide.values, brain, white, fluid)
    surround, far = within.mean(wide.values, SURROUND_MM), within.mean(wide.values, WIDE_SURROUND_MM)
    near = [within.mean(wide.values, scale) for scale in SCALES_MM]
    signed = [(mean - at) / width for mean, (at, width) in ((mean, _usual(mean, brain, white, fluid)) for mean in near)]
    signed.append(near[-1] - far)
    sides = [_asymmetry(within.mean(wide.values, scale), brain, wide.affine, to_mni) for scale in SIDES_MM]
    signed += [_on_its_own_side(unlike, own) for unlike, own in zip(sides, signed, strict=False)]
    features = [feature for values in signed for feature in _signed_features(values, rim, fluid)]
    context = Context(expected, spread, surround, rim, fluid, brain.astype(np.float32))
    return context, np.stack([*features, rim, fluid, white])


def _fine_features(
    own: FloatArray, expected: FloatArray, spread: FloatArray, surround: FloatArray, rim: FloatArray, fluid: FloatArray
) -> Iterator[FloatArray]:
    """Yield the features of places by their own intensity, in the order of `FINE_FEATURES`."""
    for values in (own, (own - expected) / spread, own - surround):
        yield from _signed_features(values, rim, fluid)


def _signed_features(values: FloatArray, rim: FloatArray, fluid: FloatArray) -> Iterator[FloatArray]:
    """Yield how far values lie above and below 0, everywhere, at the rim and in fluid."""
    for side in (values, -values):
        size = np.log1p(np.maximum(side, 0))
        yield size
        yield size * rim
        yield size * fluid


def _usual(values: FloatArray, brain: BoolArray, white: FloatArray, fluid: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the median of places of the same kind, and their spread (the MAD as a standard deviation).

    Kinds are steps of the shares of white matter and of fluid; neighbouring kinds are blended.
    """
    kinds = _step(white) * SHARES + _step(fluid)
    inside, own = values[brain], kinds[brain]
    order = np.argsort(own, kind="stable")
    parts = np.split(inside[order], np.searchsorted(own[order], np.arange(1, SHARES**2)))
    medians, spreads, counts = np.zeros((3, SHARES**2))
    for kind, part in enumerate(parts):
        if len(part) >= FEWEST:
            counts[kind], medians[kind] = len(part), np.median(part)
            spreads[kind] = MAD_TO_SD * np.median(np.abs(part - medians[kind]))
    return _blended(medians, counts)[kinds], np.maximum(_blended(spreads, counts), LEAST_SPREAD)[kinds]


def _step(share: FloatArray) -> npt.NDArray[np.intp]:
    return np.clip((share * SHARES).astype(np.intp), 0, SHARES - 1)


def _blended(table: npt.NDArray[np.float64], counts: npt.NDArray[np.float64]) -> FloatArray:
    """Smooth a table of kinds a little, by how many places each has; those not there take their neighbours'."""
    square = (SHARES, SHARES)
    blend = 0.0
    weight = np.zeros(square)
    for sigma, share in ((0.5, 1.0), (SHARES, 1e-3)):
        kernel = ndimage.gaussian_filter(counts.reshape(square), sigma, mode="nearest")
        blend = blend + share * ndimage.gaussian_filter((table * counts).reshape(square), sigma, mode="nearest")
        weight += share * kernel
    return (blend / np.maximum(weight, 1e-9)).ravel().astype(np.float32)


def _blurred(values: FloatArray, millimetres: float, grid: Averages) -> FloatArray:
    blurred: FloatArray = ndimage.gaussian_filter(values, millimetres / grid.spacing, truncate=2.5)
    return blurred


class _Within:
    """Means over neighbours that lie in the brain."""

    def __init__(self, brain: BoolArray, grid: Averages) -> None:
        self._brain, self._grid = brain, grid

    def mean(self, values: FloatArray, millimetres: float) -> FloatArray:
        """Return Gaussian means."""
        weight = _blurred(self._brain.astype(np.float32), millimetres, self._grid)
        total = _blurred(np.where(self._brain, values, np.float32(0)), millimetres, self._grid)
        mean: FloatArray = total / np.maximum(weight, np.float32(1e-3))
        return mean


def _on_its_own_side(asymmetry: FloatArray, deviation: FloatArray) -> FloatArray:
    """Return an asymmetry as far as the place itself deviates towards the same side from what is usual.

    A lesion and its mirror place differ from each other by the same amount. Only the lesion differs from what is
    usual, too: without this, a dark lesion makes the healthy place across look bright.
    """
    return np.clip(asymmetry, np.minimum(deviation, 0), np.maximum(deviation, 0))


def _asymmetry(values: FloatArray, brain: BoolArray, affine: Affine, to_mni: Affine) -> FloatArray:
    """Return the difference to the place across the template's mid-sagittal plane, in robust spreads."""
    to_grid = np.linalg.inv(affine) @ np.linalg.inv(to_mni)
    across = to_grid @ np.diag([-1.0, 1, 1, 1]) @ to_mni @ affine
    other, covered = (
        ndimage.affine_transform(part, across[:3, :3], across[:3, 3], order=1)
        for part in (np.where(brain, values, np.float32(0)), brain.astype(np.float32))
    )
    both = brain & (covered > 0.9)
    difference = np.where(both, values - other, np.float32(0))
    spread = MAD_TO_SD * float(np.median(np.abs(difference[both]))) if both.any() else 1.0
    return np.asarray(difference / np.float32(max(spread, LEAST_ASYMMETRY)))
