"""PCD, the Point Cloud Library's format: ASCII, binary and compressed, with any fields and padding.

Written by hand: Open3D's reader ends the process over padding fields, and gives integer coordinates as integers.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.rows import number_rows

_MOST_FIELDS = 1000


def read_pcd(path: Path) -> Cloud:
    """Read points, and colours where there is a field ``rgb`` or ``rgba``.

    Raises
    ------
    InputError
        The header is malformed, or the data end before what it announces.
    """
    data = path.read_bytes()
    header, body = _parse_header(path, data)
    row, count = _layout(path, header)
    form = header.get("DATA", "").lower()
    notes: tuple[str, ...] = ()
    if form == "ascii":
        columns, notes = _ascii_columns(path, body, row, count)
    elif form in ("binary", "binary_compressed"):
        columns = _binary_columns(path, body, row, count, form == "binary_compressed")
    else:
        raise InputError(f"{path}: damaged PCD file: its data are {form or 'nothing'}, which is not known")
    kinds = {columns[axis].dtype for axis in "xyz"}
    narrow = kinds == {np.dtype("<f4")}
    points = np.stack([columns[axis] for axis in "xyz"], axis=1).astype(np.float32 if narrow else np.float64)
    return Cloud(points, colours=_colours(columns), notes=notes)


def _parse_header(path: Path, data: bytes) -> tuple[dict[str, str], bytes]:
    header: dict[str, str] = {}
    at = 0
    while at < min(len(data), 1 << 16):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        key, _, value = data[at:end].decode("latin-1").strip().partition(" ")
        header[key.upper()] = value.strip()
        at = end + 1
        if key.upper() == "DATA":
            return header, data[at:]
    raise InputError(f"{path}: damaged or truncated PCD file: its header does not say what data follow")


def _layout(path: Path, header: dict[str, str]) -> tuple[np.dtype[Any], int]:
    """Return the layout of a point, and how many there are."""
    names = header.get("FIELDS", header.get("COLUMNS", "")).split()
    sizes = header.get("SIZE", "4 " * len(names)).split()
    kinds = header.get("TYPE", "F " * len(names)).split()
    counts = [int(word) for word in header.get("COUNT", "1 " * len(names)).split()]
    if (
        not len(names) == len(sizes) == len(kinds) == len(counts)
        or len(names) > _MOST_FIELDS
        or min(counts, default=1) < 0
    ):
        raise InputError(f"{path}: damaged PCD file: its fields, sizes, types and counts do not match")
    if not {"x", "y", "z"} <= {name.lower() for name in names}:
        raise InputError(f"{path}: PCD file without x, y and z")
    fields: list[Any] = []
    for number, (name, size, kind, count) in enumerate(zip(names, sizes, kinds, counts, strict=True)):
        name = name.lower()
        unique = f"{name} {number}" if name == "_" or any(name == held[0] for held in fields) else name
        base = f"<{kind.lower()}{int(size)}"
        fields.append((unique, base) if count == 1 else (unique, base, (count,)))
    row = np.dtype(fields)
    if any(row[axis].shape for axis in "xyz"):
        raise InputError(f"{path}: damaged PCD file: x, y and z are not single numbers")
    width, height = int(header.get("WIDTH", "0")), int(header.get("HEIGHT", "1"))
    points = int(header.get("POINTS", width * height))
    if points < 0 or ("WIDTH" in header and width * height != points):
        raise InputError(f"{path}: damaged PCD file: {width} × {height} is not {points} points")
    return row, points


def _ascii_columns(
    path: Path, body: bytes, row: np.dtype[Any], count: int
) -> tuple[dict[str, npt.NDArray[Any]], tuple[str, ...]]:
    lines = [line for line in body.decode("latin-1").splitlines() if line and not line.isspace()]
    if len(lines) < count:
        raise InputError(f"{path}: truncated PCD file: {len(lines)} of the {count} points that its header announces")
    place = 0
    places: dict[str, int] = {}
    for name in row.names or ():
        places[name] = place
        place += int(np.prod(row[name].shape, dtype=int))
    wanted = [name for name in ("x", "y", "z", "rgb", "rgba") if name in places]
    table = number_rows(lines[:count], [places[name] for name in wanted])
    columns: dict[str, npt.NDArray[Any]] = {name: table[:, column] for column, name in enumerate(wanted)}
    for name in ("rgb", "rgba"):
        if name in columns:
            columns[name] = columns[name].astype(row[name])
    extra = len(lines) - count
    return columns, (f"{extra} rows after what the header announces are not read",) if extra else ()


def _binary_columns(
    path: Path, body: bytes, row: np.dtype[Any], count: int, compressed: bool
) -> dict[str, npt.NDArray[Any]]:
    wanted = [name for name in ("x", "y", "z", "rgb", "rgba") if name in (row.names or ())]
    needed = row.itemsize * count
    if not compressed:
        if len(body) < needed:
            raise InputError(f"{path}: truncated PCD file: it ends before the {count} points that its header announces")
        points = np.frombuffer(body, row, count)
        return {str(name): points[name] for name in wanted}
    packed, size = struct.unpack_from("<II", body)
    if len(body) < 8 + packed or size < needed:
        raise InputError(f"{path}: truncated PCD file: it ends before the {count} points that its header announces")
    plain = _decompress(body[8 : 8 + packed], size)
    at = 0
    columns: dict[str, npt.NDArray[Any]] = {}
    # Compressed data hold one field after another, not one point after another.
    for name in row.names or ():
        base, shape = row[name].base, row[name].shape
        items = count * int(np.prod(shape, dtype=int))
        if name in wanted:
            columns[name] = np.frombuffer(plain, base, items, at)
        at += items * base.itemsize
    return columns


def _decompress(packed: bytes, size: int) -> bytes:
    """Undo LZF (Lehmann 2005): literal runs, and copies of what was written before."""
    plain = bytearray()
    at = 0
    while at < len(packed):
        control = packed[at]
        at += 1
        if control < 32:
            plain += packed[at : at + control + 1]
            at += control + 1
        else:
            length = control >> 5
            if length == 7:
                length += packed[at]
                at += 1
            start = len(plain) - ((control & 31) << 8) - packed[at] - 1
            at += 1
            if start < 0:
                raise ValueError("the compressed data are damaged")
            length += 2
            held = plain[start : start + length]
            plain += (held * (length // len(held) + 1))[:length]
        if len(plain) > size:
            raise ValueError("the compressed data are longer than announced")
    if len(plain) != size:
        raise ValueError("the compressed data are shorter than announced")
    return bytes(plain)


def _colours(columns: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint8] | None:
    """Return what a field holds that packs red, green and blue into four bytes."""
    packed = columns.get("rgb", columns.get("rgba"))
    if packed is None or packed.ndim != 1:
        return None
    bits = np.ascontiguousarray(packed, "<f4").view("<u4") if packed.dtype.kind == "f" else packed.astype("<u4")
    return np.stack([bits >> 16 & 255, bits >> 8 & 255, bits & 255], axis=1).astype(np.uint8)
