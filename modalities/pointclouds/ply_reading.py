"""PLY of every layout: ASCII and binary of both byte orders, polygons, triangle strips, any types and extra properties.

Written by hand: Open3D's reader gave fewer faces than the file holds, and shifted the points of a header with mixed
line ends by a byte. Coordinates in text become float64, whatever type the header names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.colours import as_bytes, named_colours
from looktwice.modalities.pointclouds.rows import Lists, fans, integer_lists, number_rows, strip_triangles

_TYPES = {
    "char": "i1", "uchar": "u1", "int8": "i1", "uint8": "u1", "short": "i2", "ushort": "u2", "int16": "i2",
    "uint16": "u2", "int": "i4", "uint": "u4", "int32": "i4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_CORNERS = ("vertex_indices", "vertex_index")


@dataclass
class _Property:
    name: str
    kind: str
    length: str | None = None  # the type of a list's length


@dataclass
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        return any(one.length for one in self.properties)

    def row(self, order: str, lengths: dict[str, int]) -> np.dtype[Any]:
        """Return the layout of a row whose lists have the given lengths."""
        fields: list[Any] = []
        for one in self.properties:
            if one.length is None:
                fields.append((one.name, order + one.kind))
            else:
                fields.append((f"{one.name} length", order + one.length))
                fields.append((one.name, order + one.kind, (lengths.get(one.name, 0),)))
        return np.dtype(fields)


Values = dict[str, Any]
"""An array for each property of an element; `Lists` for one that is a list."""


def read_ply(path: Path) -> Cloud:
    """Read vertices, triangles and colours.

    Raises
    ------
    InputError
        The header is malformed, or the data end before what it announces.
    """
    data = path.read_bytes()
    found = re.search(rb"(?:^|[\r\n])end_header[ \t]*(\r\n|\n|\r|$)", data[: 1 << 20])
    if found is None:
        raise InputError(f"{path}: damaged or truncated PLY file: its header has no end")
    order, elements = _parse_header(path, data[: found.start()].decode("latin-1"))
    body = data[found.end() :]
    if not any(element.name == "vertex" for element in elements):
        raise InputError(f"{path}: PLY file without vertices")
    read, left = _read_ascii(path, body, elements) if order == "" else _read_binary(path, body, elements, order)
    vertices = read["vertex"]
    if not {"x", "y", "z"} <= vertices.keys():
        raise InputError(f"{path}: PLY file whose vertices have no x, y and z")
    points = _positions(vertices)
    notes = (f"{left} after what the header announces are not read",) if left else ()
    faces = _triangles(read)
    colours = named_colours(vertices)
    return Cloud(points, faces if len(faces) else None, as_bytes(colours), notes=notes)


def _positions(vertices: Values) -> npt.NDArray[np.floating]:
    """Return x, y, z in the widest of their types; integers become float64."""
    kinds = {vertices[axis].dtype for axis in "xyz"}
    narrow = all(kind.kind == "f" and kind.itemsize == 4 for kind in kinds)
    points = np.empty((len(vertices["x"]), 3), np.float32 if narrow else np.float64)
    for column, axis in enumerate("xyz"):
        points[:, column] = vertices[axis]
    return points


def _triangles(read: dict[str, Values]) -> npt.NDArray[np.int32]:
    parts = [
        fans(values[name])
        for values in (read.get("face"),)
        if values is not None
        for name in _CORNERS
        if isinstance(values.get(name), tuple)
    ]
    for name in _CORNERS:
        strips = read.get("tristrips", {}).get(name)
        if isinstance(strips, tuple):
            lengths, items = strips
            for one in np.split(items.astype(np.int64), np.cumsum(lengths)[:-1]):
                # -1 starts the next strip.
                parts += [strip_triangles(part[part >= 0]) for part in np.split(one, np.flatnonzero(one < 0))]
    together = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
    if len(together) and (together.min() < -(2**31) or together.max() >= 2**31):
        raise ValueError("a face refers to a vertex that does not exist")
    return together.astype(np.int32)


def _parse_header(path: Path, header: str) -> tuple[str, list[_Element]]:
    order: str | None = None
    elements: list[_Element] = []
    for words in (line.split() for line in re.split(r"[\r\n]+", header)):
        if words[:1] == ["format"] and len(words) >= 2:
            order = _ORDERS.get(words[1])
        elif words[:1] == ["element"] and len(words) >= 3 and words[2].isdigit():
            elements.append(_Element(words[1].lower(), int(words[2])))
        elif words[:1] == ["property"]:
            if not elements:
                raise InputError(f"{path}: damaged PLY file: a property stands before any element")
            elements[-1].properties.append(_parse_property(path, words))
        elif words[:1] == ["element"]:
            raise InputError(f"{path}: damaged PLY file: {' '.join(words)[:60]!r} does not say how many")
    if order is None:
        raise InputError(f"{path}: damaged PLY file: its header does not say a known format")
    for element in elements:
        names = [one.name for one in element.properties]
        if len(set(names)) < len(names):
            raise InputError(f"{path}: damaged PLY file: a property of {element.name} is there twice")
    return order, elements


def _parse_property(path: Path, words: list[str]) -> _Property:
    if words[1:2] == ["list"] and len(words) >= 5 and words[2] in _TYPES and words[3] in _TYPES:
        if _TYPES[words[2]][0] != "f":
            return _Property(words[4].lower(), _TYPES[words[3]], _TYPES[words[2]])
    elif len(words) >= 3 and words[1] in _TYPES:
        return _Property(words[2].lower(), _TYPES[words[1]])
    raise InputError(f"{path}: damaged PLY file: {' '.join(words)[:60]!r} is not understood")


def _read_ascii(path: Path, body: bytes, elements: list[_Element]) -> tuple[dict[str, Values], str]:
    lines = [line for line in body.decode("latin-1").splitlines() if line and not line.isspace()]
    announced = sum(element.count for element in elements)
    if len(lines) < announced:
        raise InputError(f"{path}: truncated PLY file: {len(lines)} rows of the {announced} that its header announces")
    read: dict[str, Values] = {}
    start = 0
    for element in elements:
        rows = lines[start : start + element.count]
        start += element.count
        if not element.properties:
            read[element.name] = {}
        elif not element.has_lists:
            table = number_rows(rows, range(len(element.properties)))
            read[element.name] = {
                one.name: table[:, column].astype(_wide(one.kind)) for column, one in enumerate(element.properties)
            }
        else:
            # Of a row with lists only the first list is wanted; what stands behind it has no fixed place.
            before = next(number for number, one in enumerate(element.properties) if one.length)
            read[element.name] = {element.properties[before].name: integer_lists(rows, before)}
    extra = len(lines) - announced
    return read, f"{extra} rows" if extra else ""


def _wide(kind: str) -> str:
    """Return the type that keeps what a text says: doubles for coordinates, whatever the header calls them."""
    return "f8" if kind[0] == "f" else "i8"


def _read_binary(path: Path, body: bytes, elements: list[_Element], order: str) -> tuple[dict[str, Values], str]:
    read: dict[str, Values] = {}
    at = 0
    for element in elements:
        least = element.row(order, {}).itemsize
        if least * element.count > len(body) - at:
            raise InputError(f"{path}: truncated PLY file: it ends before the {element.count} rows of {element.name}")
        if element.has_lists:
            read[element.name], at = _binary_lists(body, at, element, order)
        elif element.properties:
            rows = np.frombuffer(body, element.row(order, {}), element.count, at)
            read[element.name] = {one.name: rows[one.name] for one in element.properties}
            at += rows.nbytes
        else:
            read[element.name] = {}
    left = len(body) - at
    return read, f"{left} bytes" if left else ""


def _binary_lists(body: bytes, at: int, element: _Element, order: str) -> tuple[Values, int]:
    """Read rows with lists: at once where all are as long as the first, else one by one."""
    if not element.count:
        return {}, at
    lengths, _ = _one_row(body, at, element, order)
    row = element.row(order, {name: len(items) for name, items in lengths.items()})
    if row.itemsize * element.count <= len(body) - at:
        rows = np.frombuffer(body, row, element.count, at)
        lists = [one.name for one in element.properties if one.length]
        if all((rows[f"{name} length"] == len(lengths[name])).all() for name in lists):
            counts = {name: rows[f"{name} length"].astype(np.int64) for name in lists}
            return {name: (counts[name], rows[name].reshape(-1)) for name in lists}, at + rows.nbytes
    kept: dict[str, list[npt.NDArray[Any]]] = {one.name: [] for one in element.properties if one.length}
    for _ in range(element.count):
        found, at = _one_row(body, at, element, order)
        for name, items in found.items():
            kept[name].append(items)
    return {name: _joined(items) for name, items in kept.items()}, at


def _joined(items: list[npt.NDArray[Any]]) -> Lists:
    return np.array([len(one) for one in items], np.int64), np.concatenate(items)


def _one_row(body: bytes, at: int, element: _Element, order: str) -> tuple[dict[str, npt.NDArray[Any]], int]:
    """Return the lists of the row at a place, and where the next begins; ValueError if the data end before."""
    lists = {}
    for one in element.properties:
        if one.length is None:
            at += np.dtype(one.kind).itemsize
            continue
        count = int(np.frombuffer(body, order + one.length, 1, at)[0])
        if count < 0:
            raise ValueError("a list of negative length")
        at += np.dtype(one.length).itemsize
        if count * np.dtype(one.kind).itemsize > len(body) - at:
            raise ValueError("truncated: a list ends early")
        lists[one.name] = np.frombuffer(body, order + one.kind, count, at)
        at += lists[one.name].nbytes
    return lists, at
