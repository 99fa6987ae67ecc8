"""Text tables of points, as instruments and CloudCompare write them: XYZ, PTS, ASC, CSV and TXT.

Names of columns, comments, counts, several scans, decimal commas and any Unicode encoding are understood. Only the
splitting is by hand; NumPy parses the numbers, in double precision.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from looktwice.core.errors import InputError
from looktwice.modalities.pointclouds.cloud import Cloud
from looktwice.modalities.pointclouds.colours import as_bytes

SUFFIXES = frozenset((".xyz", ".txt", ".asc", ".csv", ".tsv", ".xyzn", ".xyzrgb", ".pts"))
"""Only files of these names are asked whether they are tables of points: a table may be anything."""

_COMMENT = ("#", "//", "%", "!")
_AXES = {"x": 0, "y": 1, "z": 2, "0": 0, "1": 1, "2": 2, "easting": 0, "northing": 1, "elevation": 2, "height": 2}
_COLOURS = {"r": 0, "g": 1, "b": 2, "red": 0, "green": 1, "blue": 2}
_PREFIX = re.compile(r"^(?:(?:pos|position|points?|coords?|coordinates?|p)[ _.:]*)(?=.)")
_UNIT = re.compile(r"[ _]*(?:[(\[].*[)\]]|[ _](?:mm|cm|m|in|inch|coordinate|coord))$")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_EMPTY = frozenset(("", "nan", "null", "none", "na", "n/a", "-"))
_ASKED_ROWS = 20


@dataclass(frozen=True)
class TableForm:
    """How a table is written.

    Attributes
    ----------
    first : int
        The line of the first row.
    delimiter : str or None
        None for white space.
    decimal_comma : bool
    axes, colours : tuple of int
        The columns of x, y and z, and of red, green and blue; the latter may be empty.
    named : bool
        Whether names in the file say so.
    columns : int
        How many the first row has.

    Examples
    --------
    >>> table_form(["//X Y Z", "2", "1 2 3", "4 5 6"], ".asc").first
    2
    """

    first: int
    delimiter: str | None
    decimal_comma: bool
    axes: tuple[int, ...]
    colours: tuple[int, ...]
    named: bool
    columns: int


def decode(data: bytes) -> str | None:
    """Return text of any Unicode encoding, else of Latin-1; None if it is not text."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return data[: len(data) // 2 * 2 if encoding == "utf-16" else None].decode(encoding, "replace")
    head = data[:512]
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) >= 8 and not any(head[place::2]) and all(head[1 - place :: 2]):
            return data[: len(data) // 2 * 2].decode(encoding, "replace")
    return None if b"\0" in head else data.decode("latin-1")


def table_form(lines: Sequence[str], suffix: str) -> TableForm | None:
    """Tell how the table in `lines` is written, from its first rows; None if it is no table of points."""
    names: list[str] = []
    unknown = False
    for number, line in enumerate(lines):
        line = line.strip()
        bare = line.lstrip("#/%!; ").strip()
        if not bare:
            continue
        words = _words(bare)
        if _columns(words, _AXES, 3):
            names = words
        elif not line.startswith(_COMMENT) and not line.isdigit():
            delimiter, comma = _separators(line)
            form = _form(number, line, delimiter, comma, names, suffix)
            if form is not None:
                rows = [_cells(row.strip(), form) for row in lines[number : number + _ASKED_ROWS] if _is_row(row)]
                fits = all(_are_points(cells, form.axes) for cells in rows)
                return form if fits and (form.named or not unknown) else None
            if unknown or names or suffix in (".csv", ".tsv", ".txt"):
                return None
            unknown = True  # one line of other names
    return None


def read_table(path: Path) -> Cloud:
    """Read the points of a table, and their colours where its names or its kind say which these are.

    Raises
    ------
    InputError
        A row is malformed, or there are fewer than a count announces.
    """
    text = decode(path.read_bytes())
    lines = [] if text is None else text.splitlines()
    form = table_form(lines, path.suffix.lower())
    if text is None or form is None:
        raise InputError(f"{path}: damaged table: its first rows do not begin with three numbers")
    rows, scans = _rows(path, lines, form)
    last, ended = _cells(rows[-1], form), text.endswith(("\n", "\r"))
    if not ended and len(last) < form.columns:
        raise InputError(f"{path}: truncated table: it ends in the middle of a row")
    wanted = (*form.axes, *form.colours)
    table = _numbers(path, rows, form, wanted)
    colours = as_bytes(table[:, 3:]) if form.colours else None
    return Cloud(table[:, :3].copy(), colours=colours, notes=tuple(_notes(form, scans)))


def _notes(form: TableForm, scans: int) -> list[str]:
    notes = []
    if form.decimal_comma:
        notes.append("commas in the table's numbers are taken for decimal points")
    if not form.named and form.columns > 3:
        notes.append(f"the table does not name its {form.columns} columns; the first three are taken for x, y and z")
    if scans > 1:
        notes.append(f"the file contains {scans} scans; they are inspected as one cloud")
    return notes


def _rows(path: Path, lines: Sequence[str], form: TableForm) -> tuple[list[str], int]:
    """Return the rows without comments and counts, and how many counts there are; each must be followed by as many."""
    rows: list[str] = []
    counts: list[tuple[int, int]] = []
    for line in lines:
        line = line.strip()
        if line.isdigit():
            counts.append((int(line), len(rows)))
        elif line and not line.startswith(_COMMENT):
            rows.append(line)
    # Names of columns that are not written as a comment.
    names = sum(1 for line in lines[: form.first] if _is_row(line))
    rows = rows[names:]
    starts = [max(0, start - names) for _, start in counts]
    ends = [*starts[1:], len(rows)] if starts else []
    for (count, _), start, end in zip(counts, starts, ends, strict=True):
        if end - start != count:
            word = "truncated" if end - start < count else "damaged"
            raise InputError(f"{path}: {word} table: it announces {count} points, {end - start} follow")
    return rows, len(counts)


def _is_row(line: str) -> bool:
    line = line.strip()
    return bool(line) and not line.isdigit() and not line.startswith(_COMMENT)


def _numbers(path: Path, rows: Sequence[str], form: TableForm, wanted: Sequence[int]) -> npt.NDArray[np.float64]:
    """Parse columns; cells without a value become NaN."""
    plain = [row.replace(",", ".") for row in rows] if form.decimal_comma else rows
    try:
        return np.loadtxt(plain, delimiter=form.delimiter, usecols=wanted, comments=None, quotechar='"', ndmin=2)
    except ValueError:
        pass  # a cell is empty, or not a number
    table = np.full((len(rows), len(wanted)), np.nan)
    for number, row in enumerate(rows):
        cells = _cells(row, form)
        for place, column in enumerate(wanted):
            cell = cells[column].strip() if column < len(cells) else None
            try:
                if cell is None or cell.lower() not in _EMPTY:
                    table[number, place] = float(cell or "missing")
            except ValueError:
                raise InputError(
                    f"{path}: damaged table: row {number + 1} does not have numbers for x, y and z"
                ) from None
    return table


def _cells(line: str, form: TableForm) -> list[str]:
    cells = line.split(form.delimiter)
    plain = [cell.strip().strip('"') for cell in cells]
    return [cell.replace(",", ".") for cell in plain] if form.decimal_comma else plain


def _separators(row: str) -> tuple[str | None, bool]:
    """Return what stands between the cells of a row, and whether commas are decimal points."""
    if ";" in row:
        return ";", bool(_DECIMAL_COMMA.search(row))
    for delimiter in ("\t", None):
        cells = row.split(delimiter)
        if len(cells) >= 3 and all(_DECIMAL_COMMA.fullmatch(cell.strip()) for cell in cells[:3]):
            return delimiter, True
    return ("," if "," in row else "\t" if "\t\t" in row else None), False


def _form(
    number: int, line: str, delimiter: str | None, comma: bool, names: Sequence[str], suffix: str
) -> TableForm | None:
    axes = _columns(names, _AXES, 3) or (0, 1, 2)
    colours = _columns(names, _COLOURS, 3)
    form = TableForm(number, delimiter, comma, axes, colours, bool(names), 0)
    cells = _cells(line, form)
    if not _are_points(cells, axes):
        return None
    if not names:
        # What CloudCompare and Leica write behind x, y, z.
        if suffix == ".pts" and len(cells) in (6, 7):
            colours = tuple(range(len(cells) - 3, len(cells)))
        elif suffix == ".xyzrgb" and len(cells) >= 6:
            colours = (3, 4, 5)
    return TableForm(number, delimiter, comma, axes, colours, bool(names), len(cells))


def _are_points(cells: Sequence[str], axes: Sequence[int]) -> bool:
    try:
        for column in axes:
            if cells[column].lower() not in _EMPTY:
                float(cells[column])
    except (ValueError, IndexError):
        return False
    return any(cells[column] for column in axes)


def _words(line: str) -> list[str]:
    """Split a line of names."""
    delimiter = next((sign for sign in ";,\t" if sign in line), None)
    return [word.strip().strip("\"'") for word in line.split(delimiter)]


def _columns(names: Sequence[str], meant: dict[str, int], count: int) -> tuple[int, ...]:
    """Return where the names with a meaning stand, in its order; nothing unless all are there."""
    found: dict[int, int] = {}
    for column, name in enumerate(names):
        plain = _UNIT.sub("", name.lower().strip())
        plain = _PREFIX.sub("", plain) if plain not in meant else plain
        # A bare digit is a value, not a name: only "Points:0" is one.
        if plain in meant and not name.strip().isdigit():
            found.setdefault(meant[plain], column)
    return tuple(found[axis] for axis in range(count)) if len(found) == count else ()
