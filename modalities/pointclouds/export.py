"""Scored clouds and meshes for other programs: OBJ and GLB with colours, CSV for spreadsheets."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from looktwice.core.atomic import atomic_path
from looktwice.core.errors import UsageError
from looktwice.modalities.pointclouds.scored import ScoredCloud

# glTF is in metres (section 3.4).
_METRES = {"mm": 0.001, "m": 1.0, "inch": 0.0254}
_FLOAT, _UNSIGNED_BYTE, _UNSIGNED_INT = 5126, 5121, 5125
_VERTICES, _INDICES = 34962, 34963
_POINTS, _TRIANGLES = 0, 4


def export_heatmap(heatmap: ScoredCloud, kind: str, folder: Path) -> str:
    """Write ``heatmap.<kind>`` into a folder and return the file's name.

    Parameters
    ----------
    heatmap : ScoredCloud
    kind : str
        A key of `EXPORTS`: "obj" (vertex colours after the coordinates, as MeshLab, Blender and CloudCompare read
        them), "glb" (glTF 2.0, in metres where the unit is known; the scores are the attribute ``_ANOMALY_SCORE``;
        points that were not measured, which glTF cannot hold, are left out), or "csv" (one line per point).
    folder : Path
        Must exist.

    Raises
    ------
    UsageError
        If `kind` is not one of `EXPORTS`.
    """
    if kind not in EXPORTS:
        raise UsageError(f"unknown export {kind!r}; choose from {', '.join(EXPORTS)}")
    name = f"heatmap.{kind}"
    with atomic_path(folder / name) as path:
        EXPORTS[kind](heatmap, path)
    return name


def _write_obj(heatmap: ScoredCloud, path: Path) -> None:
    faces = heatmap.placed.cloud.faces
    digits = "%.17g" if heatmap.points.dtype == np.float64 else "%.9g"
    with path.open("w", encoding="ascii") as file:
        rows = np.concatenate([heatmap.points, heatmap.colours / 255.0], axis=1)
        np.savetxt(file, rows, fmt=["v " + digits, digits, digits, "%.4f", "%.4f", "%.4f"])
        if faces is not None:
            np.savetxt(file, faces + 1, fmt=["f %d", "%d", "%d"])


def _write_csv(heatmap: ScoredCloud, path: Path) -> None:
    """Write the scores beside the coordinates; ``inspected`` is 0 for points without measured coordinates."""
    digits = "%.17g" if heatmap.points.dtype == np.float64 else "%.9g"
    columns = [heatmap.points, heatmap.values[:, None], heatmap.seen_count[:, None], heatmap.placed.drawn[:, None]]
    with path.open("w", encoding="ascii") as file:
        file.write("x,y,z,anomaly_score,views_seen,inspected\n")
        np.savetxt(file, np.concatenate(columns, axis=1), fmt=[digits] * 3 + ["%.6f", "%d", "%d"], delimiter=",")


def _write_glb(heatmap: ScoredCloud, path: Path) -> None:
    placed, measured = heatmap.placed, heatmap.placed.cloud.valid
    # Around the object's centre: single precision would cost the digits of geodetic coordinates.
    positions = (heatmap.points[measured] - placed.centre).astype("<f4")
    colours = np.full((len(positions), 4), 255, np.uint8)
    colours[:, :3] = heatmap.colours[measured]
    blocks = [
        (positions, _VERTICES, {"componentType": _FLOAT, "type": "VEC3", **_bounds(positions)}),
        (colours, _VERTICES, {"componentType": _UNSIGNED_BYTE, "type": "VEC4", "normalized": True}),
        (heatmap.values[measured].astype("<f4"), _VERTICES, {"componentType": _FLOAT, "type": "SCALAR"}),
    ]
    primitive: dict[str, Any] = {
        "attributes": {"POSITION": 0, "COLOR_0": 1, "_ANOMALY_SCORE": 2},
        "mode": _POINTS if placed.cloud.faces is None else _TRIANGLES,
    }
    if placed.cloud.faces is not None:
        whole = placed.cloud.faces[measured[placed.cloud.faces].all(axis=1)]
        corners = (np.cumsum(measured) - 1)[whole].astype("<u4").ravel()
        blocks.append((corners, _INDICES, {"componentType": _UNSIGNED_INT, "type": "SCALAR"}))
        primitive["indices"] = 3
    scale = _METRES.get(placed.unit or "", 1.0)
    node = {"mesh": 0, "translation": (placed.centre * scale).tolist(), "scale": [scale] * 3}
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "looktwice"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [node],
        "meshes": [{"primitives": [primitive]}],
        "accessors": [{"bufferView": i, "count": len(data), **kind} for i, (data, _, kind) in enumerate(blocks)],
    }
    _save_glb(document, [(data, target) for data, target, _ in blocks], path)


def _bounds(positions: np.ndarray) -> dict[str, list[float]]:
    return {"min": positions.min(axis=0).tolist(), "max": positions.max(axis=0).tolist()}


def _save_glb(document: dict[str, Any], blocks: list[tuple[np.ndarray, int]], path: Path) -> None:
    """Write the container (glTF 2.0, section 4.4): a JSON chunk and a binary one; every block is a multiple of 4."""
    views, start = [], 0
    for data, target in blocks:
        views.append({"buffer": 0, "byteOffset": start, "byteLength": data.nbytes, "target": target})
        start += data.nbytes
    document |= {"bufferViews": views, "buffers": [{"byteLength": start}]}
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    with path.open("wb") as file:
        file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + start))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", start, b"BIN\0"))
        for data, _ in blocks:
            file.write(data.tobytes())


EXPORTS: dict[str, Callable[[ScoredCloud, Path], None]] = {"obj": _write_obj, "glb": _write_glb, "csv": _write_csv}
"""Every format by its ending."""
