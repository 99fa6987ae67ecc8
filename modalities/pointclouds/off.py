"""OFF, with colours, normals, comments and counts wherever people put them.

Written by hand: Open3D's reader rounds to float32, and refuses headers on one line and files without faces.
"""

from __future__ import annotations

import re
from pathlib import Path

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.colours import as_bytes
from looktwice.modalities.pointclouds.rows import fans, integer_lists, number_rows

HEADER = re.compile(r"(ST)?(C)?(N)?OFF(?![A-Za-z_])")


def read_off(path: Path) -> Cloud:
    """Read points, triangles and the colours of COFF.

    Raises
    ------
    InputError
        It holds fewer points or faces than its header announces.
    """
    text = path.read_bytes().decode("latin-1")
    lines = [bare for line in text.splitlines() if (bare := line.partition("#")[0].strip())]
    header = HEADER.match(lines[0])
    if header is None:
        raise InputError(f"{path}: damaged OFF file: it does not begin with OFF")
    rest = lines[0][header.end() :].split()
    if rest[:1] == ["BINARY"]:
        raise InputError(f"{path}: binary OFF is not supported; save it as text or as PLY")
    lines = lines[1:]
    if not rest:
        rest, lines = lines[0].split(), lines[1:]
    points, faces = int(rest[0]), int(rest[1])
    if min(points, faces) < 0 or len(lines) < points + faces:
        raise InputError(
            f"{path}: damaged or truncated OFF file: its header announces {points} points and {faces} faces, "
            f"{len(lines)} rows follow"
        )
    vertices = lines[:points]
    first = 6 if header.group(3) else 3
    colours = number_rows(vertices, range(first, first + 3)) if header.group(2) else None
    triangles = fans(integer_lists(lines[points : points + faces]))
    extra = len(lines) - points - faces
    return Cloud(
        number_rows(vertices, (0, 1, 2)),
        triangles.astype("int32") if len(triangles) else None,
        as_bytes(colours),
        notes=(f"{extra} rows after what the header announces are not read",) if extra else (),
    )
