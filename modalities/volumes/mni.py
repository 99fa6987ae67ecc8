"""The tissue maps of the MNI152 template, and the alignment of a head with its space.

The maps of grey and white matter (ICBM 152 2009a, nonlinear symmetric; Fonov et al., NeuroImage 2011,
doi:10.1016/j.neuroimage.2010.07.033) come with nilearn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from looktwice.core.study import BoolArray, FloatArray
from looktwice.modalities.volumes.averages import block_means

TEMPLATE_MM = 2
FIT_MM = 4
BINS = 24
SAMPLED_SHARE = 0.5

MASK_MARGIN_MM = 12.0
"""Around the template's brain: skull and scalp guide the fit, the neck does not."""

STRIPPED_ML = 2300.0
"""A foreground no larger than this is a brain without its skull."""

BRAIN_ML = (700.0, 2300.0)
FEWEST = 1000
"""Samples; less is no head."""

COVERED_SHARE = 0.6
"""Of the template's brain, at least, must lie in the foreground; otherwise no head was found."""

HEAD_LOW, HEAD_HIGH = np.array([-80.0, -112.0, 0.0]), np.array([80.0, 86.0, 90.0])
"""Sides, back, front and top of the template's head with its skin; its lower end varies with what was scanned."""

CROWN_MM = 110.0
"""The part of a head, from its top, that is compared with that box."""

Affine = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Template:
    """The template on one grid.

    Attributes
    ----------
    intensity, grey, white, brain : float32, shape (X, Y, Z)
        T1 in [0, 1], and shares of each sample.
    affine : float64, shape (4, 4)
        Indices to MNI millimetres.

    Examples
    --------
    >>> right = np.zeros((4, 4, 4), np.float32)
    >>> right[2:] = 1
    >>> small = Template(right, grey=1 - right, white=right, brain=np.ones_like(right), affine=np.diag([2.0, 2, 2, 1]))
    >>> patient = on_grid(small.white, small.affine, to_mni=np.eye(4), affine=np.eye(4), shape=(7, 7, 7))
    >>> patient[:, 3, 3]  # at 1 mm
    array([0. , 0. , 0. , 0.5, 1. , 1. , 1. ], dtype=float32)
    """

    intensity: FloatArray
    grey: FloatArray
    white: FloatArray
    brain: FloatArray
    affine: Affine


@lru_cache(maxsize=2)
def template(millimetres: int) -> Template:
    """Return the template averaged over blocks of whole millimetres."""
    from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template

    images = [load(resolution=1) for load in (load_mni152_template, load_mni152_gm_template, load_mni152_wm_template)]
    intensity, grey, white = (np.asarray(image.dataobj, np.float32) for image in images)
    steps = (millimetres, millimetres, millimetres)
    maps = [block_means(values / values.max(), steps) for values in (intensity, grey, white)]
    scale = np.diag([*steps, 1.0])
    scale[:3, 3] = (millimetres - 1) / 2
    brain = block_means((intensity > 0).astype(np.float32), steps)
    return Template(maps[0], maps[1], maps[2], brain, images[0].affine @ scale)


def align(values: FloatArray, affine: Affine, foreground: BoolArray) -> Affine | None:
    """Return the matrix from a head's RAS millimetres to MNI millimetres; None where it is no head.

    A similarity transform (rotation, shift, one scale), by mutual information within the template's brain and its
    surroundings (Mattes et al., IEEE TMI 2003, doi:10.1109/TMI.2003.809072), so that any contrast will do.

    Parameters
    ----------
    values : float32, shape (X, Y, Z)
        Some 2 mm a sample.
    affine : float64, shape (4, 4)
        Indices to RAS millimetres.
    foreground : bool, shape (X, Y, Z)
    """
    if np.count_nonzero(foreground) < FEWEST:
        return None
    start = _start(foreground, affine)
    # The scale may run away to where the template's brain fills the whole head; the first guess of it holds then.
    for scaled in (True, False):
        found = _register(values, affine, foreground, start, scaled)
        if _is_a_brain(found, affine, foreground):
            return found
    return None


def _is_a_brain(to_mni: Affine, affine: Affine, foreground: BoolArray) -> bool:
    """Tell whether the template's brain has the size of one in the patient, and lies in the foreground."""
    brain = template(FIT_MM)
    millilitres = float(np.sum(brain.brain)) * FIT_MM**3 / 1000 / float(np.linalg.det(to_mni[:3, :3]))
    inside = on_grid(brain.brain, brain.affine, to_mni, affine, foreground.shape) > 0.5
    covered = np.count_nonzero(inside & foreground) * float(abs(np.linalg.det(affine[:3, :3]))) / 1000
    return BRAIN_ML[0] <= millilitres <= BRAIN_ML[1] and covered >= COVERED_SHARE * millilitres


def on_grid(
    values: FloatArray, own_affine: Affine, to_mni: Affine, affine: Affine, shape: tuple[int, ...]
) -> FloatArray:
    """Return a map of the template on a patient's grid, by linear interpolation; 0 outside it."""
    matrix = np.linalg.inv(own_affine) @ to_mni @ affine
    moved: FloatArray = ndimage.affine_transform(values, matrix[:3, :3], matrix[:3, 3], output_shape=shape, order=1)
    return moved


def _start(foreground: BoolArray, affine: Affine) -> Affine:
    """Return a first guess, with the axes kept: by the extent of a brain, or of a head's crown."""
    points = np.argwhere(foreground)[::5] @ affine[:3, :3].T + affine[:3, 3]
    if np.count_nonzero(foreground) * abs(np.linalg.det(affine[:3, :3])) / 1000 <= STRIPPED_ML:
        brain = template(FIT_MM)
        places = np.argwhere(brain.brain > 0.5) @ brain.affine[:3, :3].T + brain.affine[:3, 3]
        scale = float(np.exp(np.mean(np.log(places.std(axis=0) / points.std(axis=0)))))
        return _scaled(scale, places.mean(axis=0) - scale * points.mean(axis=0))
    top = np.percentile(points[:, 2], 99.9)
    crown = points[points[:, 2] > top - CROWN_MM]
    low, high = np.percentile(crown, (0.5, 99.5), axis=0)
    scale = float(np.sqrt(np.prod((HEAD_HIGH - HEAD_LOW)[:2] / (high - low)[:2])))
    middle = (HEAD_LOW + HEAD_HIGH) / 2 - scale * (low + high) / 2
    middle[2] = HEAD_HIGH[2] - scale * top
    return _scaled(scale, middle)


def _scaled(scale: float, shift: npt.NDArray[np.float64]) -> Affine:
    matrix = np.diag([scale, scale, scale, 1.0])
    matrix[:3, 3] = shift
    return matrix


def _register(values: FloatArray, affine: Affine, foreground: BoolArray, start: Affine, scaled: bool) -> Affine:
    import SimpleITK as sitk  # noqa: N813

    fixed = template(FIT_MM)
    low, high = np.percentile(values[foreground], (2, 98))
    moving = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    steps = tuple(max(1, round(FIT_MM / size)) for size in np.linalg.norm(affine[:3, :3], axis=0))
    scale = np.diag([*steps, 1.0])
    scale[:3, 3] = (np.array(steps) - 1) / 2
    margin = round(MASK_MARGIN_MM / FIT_MM)
    near = ndimage.binary_dilation(fixed.brain > 0.5, iterations=margin).astype(np.float32)
    transform = _similarity(sitk, np.asarray(np.linalg.inv(start), np.float64))
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricFixedMask(sitk.Cast(_image(sitk, near, fixed.affine), sitk.sitkUInt8))
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLED_SHARE, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(4.0, 0.02, 60, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    if not scaled:
        method.SetOptimizerWeights([1.0] * 6 + [0.0])
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(
            _image(sitk, fixed.intensity, fixed.affine),
            _image(sitk, block_means(moving, (steps[0], steps[1], steps[2])), affine @ scale),
        )
    except RuntimeError:  # the two do not overlap
        return start
    to_patient = np.eye(4)
    matrix, centre = np.reshape(transform.GetMatrix(), (3, 3)), np.array(transform.GetCenter())
    to_patient[:3, :3] = matrix
    to_patient[:3, 3] = centre + np.array(transform.GetTranslation()) - matrix @ centre
    return np.asarray(np.linalg.inv(to_patient))


def _similarity(sitk: Any, matrix: Affine) -> Any:
    """Return a rigid matrix with one scale as SimpleITK's transform, turning about the template's middle."""
    centre = nib.affines.apply_affine(template(FIT_MM).affine, (np.array(template(FIT_MM).brain.shape) - 1) / 2)
    transform = sitk.Similarity3DTransform()
    transform.SetCenter(centre.tolist())
    transform.SetMatrix(matrix[:3, :3].ravel().tolist())
    transform.SetTranslation((matrix[:3, :3] @ centre + matrix[:3, 3] - centre).tolist())
    return transform


def _image(sitk: Any, values: FloatArray, affine: Affine) -> Any:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    return image
