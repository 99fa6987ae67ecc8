"""The 3D view of a cloud's or mesh's report: plotly.js, out of the installed plotly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_hex
from scipy.spatial import cKDTree

from looktwice.core.colours import HEAT_COLORMAP
from looktwice.core.display import Viewer
from looktwice.core.embedding import array_base64, installed_script
from looktwice.core.study import FloatArray
from looktwice.modalities.pointclouds.scored import ScoredCloud

MAX_POINTS = 25_000
"""Shown at most, of which at most half lie above the threshold; a browser turns so many without delay."""

MAX_FACES = 80_000
"""A finer mesh is shown as points."""

NEIGHBOURS = 8
LIGHT = np.array([0.35, 0.45, 0.82], dtype=np.float32)
"""Where the light comes from, of length 1."""


def cloud_viewer(heatmap: ScoredCloud, threshold: float, focus: tuple[float, ...] | None) -> Viewer | None:
    """Return the 3D view, or None where plotly carries no script.

    Parameters
    ----------
    heatmap : ScoredCloud
    threshold : float
        Where the colours start at first.
    focus : tuple of float, optional
        Point that the first look is turned to, in the file's coordinates.

    Notes
    -----
    A mesh of moderate size is shown with its faces. Everything else is shown as points, thinned: half of the room is
    kept for points at or above `threshold`, so that a small defect survives the thinning.
    """
    script = installed_script("plotly", "plotly.min.js")
    if script is None:
        return None
    faces = _whole_faces(heatmap)
    scene = _mesh(heatmap, faces) if 0 < len(faces) <= MAX_FACES else _points(heatmap, threshold)
    scale = [to_hex(colour) for colour in matplotlib.colormaps[HEAT_COLORMAP](np.linspace(0, 1, 33))]
    setup = {**scene, "threshold": threshold, "scale": scale, "unit": heatmap.placed.unit, "eye": _eye(heatmap, focus)}
    return Viewer(Path(__file__).with_name("viewer.html"), {"setup": setup, "plotly": script})


def _eye(heatmap: ScoredCloud, focus: tuple[float, ...] | None) -> list[float]:
    """Return the direction, of length 1, from the object's centre to where the camera stands at first."""
    outwards = np.zeros(3) if focus is None else np.array(focus) - heatmap.placed.centre
    if np.linalg.norm(outwards) < 0.05 * heatmap.placed.radius:
        outwards = np.array([1.0, 1.0, 0.7])
    eye: list[float] = (outwards / np.linalg.norm(outwards)).tolist()
    return eye


def _whole_faces(heatmap: ScoredCloud) -> npt.NDArray[np.int32]:
    """Return the faces with three measured corners, shape (F, 3); none for a cloud."""
    cloud = heatmap.placed.cloud
    return np.zeros((0, 3), np.int32) if cloud.faces is None else cloud.faces[cloud.valid[cloud.faces].all(axis=1)]


def _mesh(heatmap: ScoredCloud, faces: npt.NDArray[np.int32]) -> dict[str, Any]:
    used, corners = np.unique(faces, return_inverse=True)
    return {
        **_positions(heatmap.points[used]),
        "scores": array_base64(heatmap.values[used].astype(np.float32)),
        "faces": array_base64(corners.reshape(-1, 3).astype(np.uint32)),
        "shown": f"{len(faces):,} faces",
    }


def _points(heatmap: ScoredCloud, threshold: float) -> dict[str, Any]:
    """Points sorted by score, the highest first, so that a threshold cuts them in two."""
    valid = np.flatnonzero(heatmap.placed.cloud.valid)
    kept = thin(heatmap.values[valid], threshold, MAX_POINTS)
    kept = valid[kept[np.argsort(-heatmap.values[valid[kept]], kind="stable")]]
    points = heatmap.points[kept]
    return {
        **_positions(points),
        "scores": array_base64(heatmap.values[kept].astype(np.float32)),
        "shades": array_base64(np.round(255 * shade(points)).astype(np.uint8)),
        "shown": f"{len(kept):,} of {len(heatmap.values):,} points",
    }


def _positions(points: npt.NDArray[np.floating]) -> dict[str, Any]:
    """Coordinates as an offset in double precision and the rest in single: geodetic coordinates keep their digits."""
    offset = points.mean(axis=0, dtype=np.float64)
    return {"offset": offset.tolist(), "points": array_base64((points - offset).astype(np.float32))}


def thin(scores: FloatArray, threshold: float, most: int) -> npt.NDArray[np.int64]:
    """Return indices of at most `most` points, ascending: hot and other points are thinned apart, at random.

    The same scores always give the same indices.
    """
    if len(scores) <= most:
        return np.arange(len(scores))
    random = np.random.default_rng(0)
    hot, other = np.flatnonzero(scores >= threshold), np.flatnonzero(scores < threshold)
    hot_room = max(most // 2, most - len(other))
    hot = random.choice(hot, min(hot_room, len(hot)), replace=False, shuffle=False)
    other = random.choice(other, min(most - len(hot), len(other)), replace=False, shuffle=False)
    return np.sort(np.concatenate([hot, other]))


def shade(points: npt.NDArray[np.floating]) -> FloatArray:
    """Return a brightness in [0, 1] per point, shape (P,), from the slope of the surface around it.

    Without it a cloud of one colour shows its outline only. Normals come from the plane through eight neighbours; their
    sign is not known, so both sides are lit.
    """
    if len(points) <= NEIGHBOURS:
        return np.ones(len(points), np.float32)
    centred = (points - points.mean(axis=0)).astype(np.float32)
    _, neighbours = cKDTree(centred, balanced_tree=False, compact_nodes=False).query(centred, k=NEIGHBOURS)
    around = centred[neighbours]
    around -= around.mean(axis=1, keepdims=True)
    _, axes = np.linalg.eigh(np.matmul(around.transpose(0, 2, 1), around))
    brightness: FloatArray = np.clip(np.abs(axes[:, :, 0] @ LIGHT), 0.0, 1.0).astype(np.float32)
    return brightness
