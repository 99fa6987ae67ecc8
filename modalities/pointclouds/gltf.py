"""glTF 2.0 and its binary form GLB, vertices kept as the file has them.

Written by hand: Open3D's reader (through Assimp) reorders vertices for the GPU's cache; scores have to return to the
file's own order. Reads what geometry needs of the standard: buffers, accessors, primitives and the scene's transforms.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.colours import as_bytes
from looktwice.modalities.pointclouds.rows import strip_triangles

_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6


def read_gltf(path: Path) -> Cloud:
    """Read the default scene: all primitives one after another, in metres, as the standard has it (section 3.4).

    Raises
    ------
    InputError
        If the geometry is compressed (Draco, meshopt) or sparse.
    ValueError, KeyError, IndexError, struct.error
        If the file is damaged or truncated.
    """
    document, buffers = _load(path)
    parts: list[npt.NDArray[np.float64]] = []
    faces: list[npt.NDArray[np.int64]] = []
    colours: list[npt.NDArray[np.uint8] | None] = []
    start = 0
    for primitive, transform in _primitives(document):
        if "KHR_draco_mesh_compression" in primitive.get("extensions", {}):
            raise InputError(f"{path}: Draco-compressed glTF is not supported; save it without compression")
        local = _accessor(path, document, buffers, primitive["attributes"]["POSITION"])
        parts.append(local @ transform[:3, :3].T + transform[:3, 3])
        colours.append(_colours(path, document, buffers, primitive, len(local)))
        order = np.arange(len(local))
        if "indices" in primitive:
            order = _accessor(path, document, buffers, primitive["indices"])[:, 0].astype(np.int64)
        faces.append(start + _triangles(order, primitive.get("mode", _TRIANGLES)))
        start += len(local)
    if not parts:
        raise InputError(f"{path}: glTF file without geometry")
    points, triangles = np.concatenate(parts), np.concatenate(faces)
    if len(triangles) and (triangles.min() < 0 or triangles.max() >= len(points)):
        raise ValueError("a face refers to a vertex that does not exist")
    return Cloud(
        points, triangles.astype(np.int32) if len(triangles) else None, _join_colours(colours, parts), unit="m"
    )


def _colours(
    path: Path, document: dict[str, Any], buffers: list[bytes], primitive: dict[str, Any], count: int
) -> npt.NDArray[np.uint8] | None:
    number = primitive["attributes"].get("COLOR_0")
    if number is None:
        return None
    values = _accessor(path, document, buffers, number)[:, :3]
    if len(values) != count:
        raise ValueError(f"{len(values)} colours of {count} vertices")
    return as_bytes(values)


def _join_colours(
    colours: list[npt.NDArray[np.uint8] | None], parts: list[npt.NDArray[np.float64]]
) -> npt.NDArray[np.uint8] | None:
    """Return the colours of all primitives; white, the standard's default, for those without."""
    if all(own is None for own in colours):
        return None
    return np.concatenate(
        [
            np.full((len(part), 3), 255, np.uint8) if own is None else own
            for own, part in zip(colours, parts, strict=True)
        ]
    )


def _load(path: Path) -> tuple[dict[str, Any], list[bytes]]:
    data = path.read_bytes()
    binary = b""
    if data.startswith(b"glTF"):
        length = struct.unpack_from("<I", data, 8)[0]
        if length > len(data):
            raise ValueError(f"{len(data)} bytes of {length}")
        size = struct.unpack_from("<I", data, 12)[0]
        binary = data[20 + size + 8 : length]
        data = data[20 : 20 + size]
    document: dict[str, Any] = json.loads(data)
    return document, [_buffer(path, buffer, binary) for buffer in document.get("buffers", [])]


def _buffer(path: Path, buffer: dict[str, Any], binary: bytes) -> bytes:
    uri = buffer.get("uri")
    if uri is None:
        found = binary
    elif uri.startswith("data:"):
        found = base64.b64decode(uri.split(",", 1)[1])
    else:
        beside = path.parent / unquote(uri)
        # A document may only name files beside it, not reach elsewhere in the file system.
        if path.parent.resolve() not in beside.resolve().parents:
            raise InputError(f"{path}: refers to a buffer outside its own folder")
        if not beside.exists():
            raise InputError(f"{path}: its buffer {uri} is missing: keep the two files together")
        found = beside.read_bytes()
    if len(found) < buffer["byteLength"]:
        raise ValueError("a buffer ends early")
    return found


def _primitives(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], npt.NDArray[np.float64]]]:
    """Yield every primitive of the default scene with its transform to world coordinates, in the nodes' order."""
    nodes = document.get("nodes", [])
    scenes = document.get("scenes", [])
    roots = scenes[document.get("scene", 0)].get("nodes", []) if scenes else range(len(nodes))
    waiting: list[tuple[int, npt.NDArray[np.float64]]] = [(root, np.eye(4)) for root in reversed(roots)]
    for _ in range(len(nodes)):  # a tree: every node is met once
        if not waiting:
            return
        number, parent = waiting.pop()
        node = nodes[number]
        transform = parent @ _node_transform(node)
        if "mesh" in node:
            for primitive in document["meshes"][node["mesh"]]["primitives"]:
                yield primitive, transform
        waiting += [(child, transform) for child in reversed(node.get("children", []))]


def _node_transform(node: dict[str, Any]) -> npt.NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    if "matrix" in node:
        transform: npt.NDArray[np.float64] = np.array(node["matrix"], np.float64).reshape(4, 4).T
        return transform
    transform = np.eye(4)
    turn = Rotation.from_quat(node.get("rotation", (0, 0, 0, 1))).as_matrix()
    transform[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), np.float64)
    transform[:3, 3] = node.get("translation", (0, 0, 0))
    return transform


def _accessor(path: Path, document: dict[str, Any], buffers: list[bytes], number: int) -> npt.NDArray[Any]:
    accessor = document["accessors"][number]
    if "bufferView" not in accessor or "sparse" in accessor:
        raise InputError(f"{path}: sparse or compressed glTF: save it without compression")
    view = document["bufferViews"][accessor["bufferView"]]
    dtype, width = np.dtype(_COMPONENTS[accessor["componentType"]]), _WIDTHS[accessor["type"]]
    row = dtype.itemsize * width
    if view.get("byteStride", row) < row:
        raise ValueError("rows of an accessor overlap")
    rows: npt.NDArray[Any] = np.ndarray(
        (accessor["count"], width),
        dtype,
        buffers[view["buffer"]],
        view.get("byteOffset", 0) + accessor.get("byteOffset", 0),
        (view.get("byteStride", row), dtype.itemsize),
    )
    if accessor.get("normalized") and dtype.kind in "iu":
        # Quantised values (KHR_mesh_quantization): the whole range of the integers stands for [0, 1] or [-1, 1].
        return np.maximum(rows / np.iinfo(dtype).max, -1.0)
    return rows


def _triangles(order: npt.NDArray[np.int64], mode: int) -> npt.NDArray[np.int64]:
    if mode == _TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    if mode == _STRIP:
        return strip_triangles(order)
    if mode == _FAN and len(order) > 2:
        return np.stack([np.full(len(order) - 2, order[0]), order[1:-1], order[2:]], axis=1)
    return np.empty((0, 3), np.int64)  # points and lines
