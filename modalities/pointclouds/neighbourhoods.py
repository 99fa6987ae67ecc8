"""The form of the surface around each of its elements, at several scales, without regard to pose and size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from looktwice.modalities.pointclouds.surfels import SCALES, Surfels

if TYPE_CHECKING:
    from looktwice.modalities.pointclouds.study import CloudStudy

FloatArray = npt.NDArray[np.float32]
Features = dict[str, FloatArray]

# Scales at which single points are held against the fitted surface: a wider one is no longer a quadric.
_FINE_SCALES = SCALES[:2]
# Keeps the fit of a quadric to a few or collinear elements determined, in units of the reach.
_RIDGE = 1e-3


def describe_neighbourhoods(study: CloudStudy, surfels: Surfels) -> Features:
    """Return numbers about each element's neighbourhood, each of shape (M,), under names that end in the scale.

    Lengths are in units of the neighbourhood's reach, so that neither pose nor size counts:

    - ``flat``, ``long``: the least variance (log), and the middle one as a share of the largest;
    - ``area``: how widely the neighbours spread, beside a full disc;
    - ``bump``, ``edge``: the neighbourhood's middle, along the normal (negative where the surface bulges out) and along
      the surface (large at rims);
    - ``turn``: how far the normals are from being parallel;
    - ``mean``, ``bend``: mean curvature and the difference of the principal ones, of a quadric fitted to the elements;
    - ``misfit``, ``here``: how far the elements, and this one, lie from that quadric (log);
    - ``rough``: how far single points lie from it, in units of the elements' side (log).

    Parameters
    ----------
    study : CloudStudy
    surfels : Surfels
        Of the same study.
    """
    frames = _frames(surfels.normals)
    points = study.surface.points - surfels.points[surfels.owner]
    local = np.einsum("pc,pac->pa", points, frames[surfels.owner])
    held = np.bincount(surfels.owner, minlength=len(surfels.points)).astype(np.float32)
    features: Features = {}
    for scale in SCALES:
        count = min(scale, surfels.neighbours.shape[1])
        reach = np.float32(surfels.side * np.sqrt(count / np.pi))
        near = surfels.neighbours[:, :count]
        offsets = np.einsum("mkc,mac->mka", surfels.points[near] - surfels.points[:, None], frames) / reach
        quadric = _fit_quadric(offsets)
        form = _form(offsets) | _curvature(offsets, quadric)
        form["turn"] = 1 - np.linalg.norm(surfels.normals[near].mean(axis=1), axis=1)
        if scale in _FINE_SCALES:
            squares = _heights(local / reach, quadric[surfels.owner]) ** 2
            form["rough"] = _roughness(surfels, squares, held, reach)
        features |= {f"{name}{scale}": values.astype(np.float32) for name, values in form.items()}
    return features


def _frames(normals: FloatArray) -> FloatArray:
    """Return two tangents and the normal of each element as rows, shape (M, 3, 3)."""
    helper = np.where(np.abs(normals[:, :1]) < 0.7, np.array((1, 0, 0), np.float32), np.array((0, 1, 0), np.float32))
    first = np.cross(normals, helper)
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    return np.stack([first, np.cross(normals, first), normals], axis=1).astype(np.float32)


def _form(offsets: FloatArray) -> Features:
    middle = offsets.mean(axis=1)
    centred = offsets - middle[:, None]
    variances = np.linalg.eigvalsh(np.swapaxes(centred, 1, 2) @ centred / offsets.shape[1])
    least, middling, largest = np.maximum(variances, 0).T
    return {
        "flat": np.log(least + 1e-5),
        "long": middling / np.maximum(largest, 1e-12),
        "area": np.sqrt(middling * largest),
        "bump": middle[:, 2],
        "edge": np.linalg.norm(middle[:, :2], axis=1),
    }


def _curvature(offsets: FloatArray, quadric: FloatArray) -> Features:
    heights = _heights(offsets, quadric[:, None])
    return {
        "mean": quadric[:, 3] + quadric[:, 5],
        "bend": np.hypot(quadric[:, 3] - quadric[:, 5], quadric[:, 4]),
        "misfit": np.log(np.sqrt((heights**2).mean(axis=1)) + 1e-3),
        "here": np.log(np.abs(heights[:, 0]) + 1e-3),
    }


def _terms(offsets: FloatArray) -> FloatArray:
    u, v = offsets[..., 0], offsets[..., 1]
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1)


def _fit_quadric(offsets: FloatArray) -> FloatArray:
    """Return the least-squares coefficients (M, 6) of height over the tangent plane."""
    terms = _terms(offsets)
    turned = np.swapaxes(terms, 1, 2)
    normal = turned @ terms + np.float32(_RIDGE) * np.eye(6, dtype=np.float32)
    quadric: FloatArray = np.linalg.solve(normal, turned @ offsets[..., 2:])[..., 0]
    return quadric


def _heights(offsets: FloatArray, quadric: FloatArray) -> FloatArray:
    heights: FloatArray = offsets[..., 2] - (_terms(offsets) * quadric).sum(axis=-1)
    return heights


def _roughness(surfels: Surfels, squares: FloatArray, held: FloatArray, reach: np.float32) -> FloatArray:
    """Return the root mean square over the points of each element and its four nearest, which steadies it."""
    sums = np.bincount(surfels.owner, squares, len(held))
    few = surfels.neighbours[:, :5]
    spread = np.sqrt(sums[few].sum(axis=1) / np.maximum(held[few].sum(axis=1), 1)) * reach
    roughness: FloatArray = np.log(spread / surfels.side + 1e-4)
    return roughness
