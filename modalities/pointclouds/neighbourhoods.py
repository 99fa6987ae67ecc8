"""The form of the surface around each of its elements, at several scales, without regard to pose and size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looktwice.modalities.pointclouds.surfels import SCALES, Surfels

FloatArray = npt.NDArray[np.float32]
Features = dict[str, FloatArray]

# Scales at which single points are held against the fitted surface: a wider one is no longer a quadric.
_FINE_SCALES = SCALES[:2]
# Keeps the fit of a quadric to a few or collinear elements determined, in units of the reach.
_RIDGE = 1e-3
# In units of the elements' side: a mesh, whose points have no noise, is as rough as a good scan of it.
_LEAST_ROUGHNESS = 0.01
# About how many points tell roughness: 25 for each of the elements.
_ROUGH_POINTS = 100_000


def describe_neighbourhoods(points: FloatArray, surfels: Surfels) -> Features:
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
    points : float32, shape (Q, 3)
        Of the surface.
    surfels : Surfels
        Its elements.
    """
    frames = _frames(surfels.normals)
    # Coordinates as planes of their own: NumPy works along the last axis several times as fast.
    apart = surfels.points.T[:, surfels.neighbours] - surfels.points.T[:, :, None]
    around = np.stack([_along(apart, axis) for axis in np.moveaxis(frames, 0, -1)])
    step = -(-len(surfels.owner) // _ROUGH_POINTS)
    owner = surfels.owner[::step]
    apart = points[::step].T - surfels.points.T.take(owner, axis=1)
    local = np.stack([_along(apart, axis.take(owner, axis=1)) for axis in np.moveaxis(frames, 0, -1)])
    features: Features = {}
    for scale in SCALES:
        count = min(scale, surfels.neighbours.shape[1])
        reach = np.float32(surfels.side * np.sqrt(count / np.pi))
        offsets = around[:, :, :count] / reach
        quadric = _fit_quadric(offsets)
        form = _form(offsets) | _curvature(offsets, quadric)
        form["turn"] = 1 - np.linalg.norm(surfels.normals[surfels.neighbours[:, :count]].mean(axis=1), axis=1)
        if scale in _FINE_SCALES:
            squares = _heights(local / reach, quadric.take(owner, axis=1)) ** 2
            form["rough"] = _roughness(surfels, owner, squares, reach)
        features |= {f"{name}{scale}": values.astype(np.float32) for name, values in form.items()}
    return features


def _along(offsets: FloatArray, axis: FloatArray) -> FloatArray:
    """Return the component of offsets (3, M, ...) along one axis (3, M) of each element."""
    axis = axis.reshape(*axis.shape, *(1,) * (offsets.ndim - axis.ndim))
    along: FloatArray = offsets[0] * axis[0]
    along += offsets[1] * axis[1]
    along += offsets[2] * axis[2]
    return along


def _frames(normals: FloatArray) -> FloatArray:
    """Return two tangents and the normal of each element as rows, shape (M, 3, 3)."""
    helper = np.where(np.abs(normals[:, :1]) < 0.7, np.array((1, 0, 0), np.float32), np.array((0, 1, 0), np.float32))
    first = np.cross(normals, helper)
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    return np.stack([first, np.cross(normals, first), normals], axis=1).astype(np.float32)


def _form(offsets: FloatArray) -> Features:
    middle = offsets.mean(axis=2)
    centred = np.swapaxes(offsets - middle[:, :, None], 0, 1)
    variances = np.linalg.eigvalsh(centred @ np.swapaxes(centred, 1, 2) / offsets.shape[2])
    least, middling, largest = np.maximum(variances, 0).T
    return {
        "flat": np.log(least + 1e-5),
        "long": middling / np.maximum(largest, 1e-12),
        "area": np.sqrt(middling * largest),
        "bump": middle[2],
        "edge": np.hypot(middle[0], middle[1]),
    }


def _curvature(offsets: FloatArray, quadric: FloatArray) -> Features:
    heights = _heights(offsets, quadric[:, :, None])
    return {
        "mean": quadric[3] + quadric[5],
        "bend": np.hypot(quadric[3] - quadric[5], quadric[4]),
        "misfit": np.log(np.sqrt(np.einsum("mk,mk->m", heights, heights) / heights.shape[1]) + 1e-3),
        "here": np.log(np.abs(heights[:, 0]) + 1e-3),
    }


def _fit_quadric(offsets: FloatArray) -> FloatArray:
    """Return the least-squares coefficients (6, M) of height over the tangent plane: 1, u, v, u^2, uv, v^2."""
    u, v, height = offsets
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1)
    normal = terms @ np.swapaxes(terms, 1, 2) + np.float32(_RIDGE) * np.eye(6, dtype=np.float32)
    quadric: FloatArray = np.linalg.solve(normal, terms @ height[:, :, None])[..., 0]
    return np.ascontiguousarray(quadric.T)


def _heights(offsets: FloatArray, quadric: FloatArray) -> FloatArray:
    """Return the heights above a quadric, whose coefficients (6, ...) are broadcast to the offsets (3, ...)."""
    u, v, height = offsets
    one, first, second, squared, mixed, crossed = quadric
    heights: FloatArray = height - (one + u * (first + squared * u + mixed * v) + v * (second + crossed * v))
    return heights


def _roughness(surfels: Surfels, owner: npt.NDArray[np.int64], squares: FloatArray, reach: np.float32) -> FloatArray:
    """Return the root mean square over the points of each element and its four nearest, which steadies it."""
    sums, held = (np.bincount(owner, weights, len(surfels.points)) for weights in (squares, None))
    few = surfels.neighbours[:, :5]
    spread = np.sqrt(sums[few].sum(axis=1) / np.maximum(held[few].sum(axis=1), 1)) * reach
    roughness: FloatArray = np.log(spread / surfels.side + _LEAST_ROUGHNESS)
    return roughness
