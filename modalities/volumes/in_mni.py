"""Resampling a brain to the MNI template, and maps in MNI space back to the scan."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage, stats

from looktwice.core.study import BoolArray, FloatArray
from looktwice.modalities.volumes.fields import SeparableField
from looktwice.modalities.volumes.mni import on_grid, template
from looktwice.modalities.volumes.study import VolumeStudy

GRID_MM = 3
SMOOTHED_MM = 3.0
"""One head's folds are not another's, and a similarity transform does not bring them to each other."""

COVERED = 0.5
"""Share of a place's surroundings that must lie in the foreground."""

FEWEST = 1000
"""Places; a brain that shows less is not compared."""

LANDMARKS = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
"""Percentiles of the brain that intensities are brought to a common scale by (Nyul et al., IEEE TMI 2000)."""


def brain_values(study: VolumeStudy) -> npt.NDArray[np.float16] | None:
    """Return a head's smoothed, normalised intensities at the places of the template's brain; None without alignment.

    Returns
    -------
    float16, shape (N,)
        As if they were normally distributed in every brain: 0 at its median, 1 a standard deviation above. NaN where
        the scan does not reach. N is the same for all heads.
    """
    if study.to_mni is None:
        return None
    means, grid = study.means, template(GRID_MM)
    inside = means.inside(study.foreground).astype(np.float32)
    sigma = SMOOTHED_MM / means.spacing
    weight = ndimage.gaussian_filter(inside, sigma, truncate=2.5)
    smooth = ndimage.gaussian_filter(means.values * inside, sigma, truncate=2.5) / np.maximum(weight, 1e-3)
    back = np.asarray(np.linalg.inv(study.to_mni), np.float64)
    values, covered = (
        on_grid(samples, means.affine, back, grid.affine, grid.brain.shape)[_brain()] for samples in (smooth, weight)
    )
    seen = covered > COVERED
    if np.count_nonzero(seen) < FEWEST:
        return None
    normal = np.full(len(values), np.nan, np.float16)
    normal[seen] = _normalised(values[seen])
    return normal


def to_scan(study: VolumeStudy, places: FloatArray) -> SeparableField:
    """Return values (N,) of the template's brain as a field on the voxels of a head; 0 outside the brain."""
    assert study.to_mni is not None
    grid = template(GRID_MM)
    whole = np.zeros(grid.brain.shape, np.float32)
    whole[_brain()] = places
    return study.means.field(on_grid(whole, grid.affine, study.to_mni, study.means.affine, study.means.values.shape))


@lru_cache(maxsize=1)
def _brain() -> BoolArray:
    return np.asarray(template(GRID_MM).brain > 0.5)


def _normalised(values: FloatArray) -> FloatArray:
    """Return values on the scale on which the brain's percentiles are those of a normal distribution.

    Linear between the landmarks, so that any monotonic contrast becomes the same; beyond them as steep as on the
    whole, so that what is brighter than anything else stays so.
    """
    marks, normal = np.percentile(values, LANDMARKS), stats.norm.ppf(np.array(LANDMARKS) / 100)
    steep = (normal[-1] - normal[0]) / max(float(marks[-1] - marks[0]), 1e-6)
    beyond = (np.minimum(values - marks[0], 0) + np.maximum(values - marks[-1], 0)) * steep
    # Landmarks that coincide (values of few bits) leave a step, which interpolation takes as it is.
    return np.asarray(np.interp(values, marks, normal) + beyond, np.float32)
