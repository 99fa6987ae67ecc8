"""The folder that a run writes to: one folder a study, each whole, and tables of all of them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from looktwice.core.errors import InputError, UsageError
from looktwice.core.exchange import exchange, lock_folder
from looktwice.core.one_line import one_line
from looktwice.core.result import Failure, Kept, Result
from looktwice.core.study_marker import StudyMarker, digest, read_marker
from looktwice.report.tables import RESULTS, append_line, read_records, write_tables

ASIDE = ".looktwice-new-"
"""Begins the name of a folder that is being written."""

REPLACED = ".looktwice-old-"
"""Begins the name of a folder that another one takes the place of, where both cannot be exchanged in one step."""


class OutputFolder:
    """A folder of results. A study's folder is whole or absent, and never that of another input.

    Parameters
    ----------
    path : Path
        Made if it does not exist.

    Raises
    ------
    UsageError
        It cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, OutputFolder(Path(folder, "out")) as out:
    ...     out.fail(Failure("tile.png", InputError("tile.png: the file is empty")))
    ...     print((out.path / "results.jsonl").read_text(), end="")
    {"input": "tile.png", "error": "tile.png: the file is empty"}
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        check_writable(path)
        self._failures: list[dict[str, Any]] = []
        self._known: dict[str, list[Path]] | None = None
        self._lock, alone = lock_folder(path)
        if alone:
            _tidy(path)
        with _said(path):
            write_tables(path, read_records(path))

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            with _said(self.path):
                write_tables(self.path, [*read_records(self.path), *self._failures])
        finally:
            os.close(self._lock)

    def find_whole(self, marker: StudyMarker) -> Kept | None:
        """Return what was written of the same input, unchanged and with the same settings, where all of it is there."""
        if self._known is None:
            self._known = {}
            for folder in sorted(self.path.iterdir()):
                if (found := read_marker(folder)) is not None:
                    for text in {found.identity, found.place}:
                        self._known.setdefault(text, []).append(folder)
        for folder in self._known.get(marker.identity, []) + self._known.get(marker.place, []):
            found = read_marker(folder)
            same = found is not None and (found.content, found.settings) == (marker.content, marker.settings)
            if found is not None and same and found.is_whole(folder):
                return Kept(json.loads((folder / "report.json").read_text(encoding="utf-8")))
        return None

    def write(self, result: Result, marker: StudyMarker, write: Callable[[Path], None]) -> None:
        """Write a study's folder in one step: aside, then in the place of its own earlier one.

        Parameters
        ----------
        result : Result
            Its ``study`` becomes the name of its folder.
        marker : StudyMarker
        write : callable
            Writes all files into a folder that exists, ``report.json`` among them.

        Raises
        ------
        InputError
            Something cannot be written: the disk is full, or a library fails.
        """
        with _said(self.path):
            result.study = self._name_for(result.study, marker)
            aside = self.path / f"{ASIDE}{secrets.token_hex(4)}"
            try:
                aside.mkdir()
                with _said(self.path, f"{result.source}: the report cannot be made"):
                    write(aside)
                marker.write(aside)
                self._put(aside, self.path / result.study)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
            append_line(self.path / RESULTS, result.to_json())

    def fail(self, failure: Failure) -> None:
        """Note an input that could not be used."""
        self._failures.append(failure.to_json())
        with _said(self.path):
            append_line(self.path / RESULTS, failure.to_json())

    def _name_for(self, name: str, marker: StudyMarker) -> str:
        """Return a name whose folder is free or holds what was written of the same input before."""
        own = f"{name}-{digest(marker.identity + marker.content)[:8]}"
        for candidate in (name, own):
            folder = self.path / candidate
            if not os.path.lexists(folder) or _is_same(read_marker(folder), marker):
                return candidate
        return f"{own}-{secrets.token_hex(4)}"

    def _put(self, aside: Path, final: Path) -> None:
        if not os.path.lexists(final):
            aside.rename(final)
        elif exchange(aside, final):
            shutil.rmtree(aside)
        else:
            replaced = self.path / f"{REPLACED}{final.name}"
            shutil.rmtree(replaced, ignore_errors=True)
            final.rename(replaced)
            aside.rename(final)
            shutil.rmtree(replaced, ignore_errors=True)


def check_writable(path: Path) -> None:
    """Raise a ``UsageError`` where a folder cannot be made or written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f"{ASIDE}{secrets.token_hex(4)}"
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise UsageError(f"--out {path}: cannot be written to ({error.strerror}); choose another folder") from error


def _is_same(found: StudyMarker | None, marker: StudyMarker) -> bool:
    """Tell whether a folder is of the same input: from the same place, or moved and unchanged."""
    if found is None or found.identity != marker.identity:
        return False
    return found.place == marker.place or found.content == marker.content


def _tidy(path: Path) -> None:
    """Remove what a run that was killed left half-written, and put back what it had not yet replaced."""
    for folder in path.glob(f"{REPLACED}*"):
        final = path / folder.name.removeprefix(REPLACED)
        if final.exists():
            shutil.rmtree(folder, ignore_errors=True)
        else:
            folder.rename(final)
    for folder in path.glob(f"{ASIDE}*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _said(path: Path, otherwise: str = "") -> Iterator[None]:
    """Turn whatever goes wrong with writing to a folder into one line; `otherwise` begins it where the disk is well."""
    try:
        yield
    except (InputError, UsageError):
        raise
    except OSError as error:
        raise InputError(f"{path}: the results cannot be written ({one_line(error)})") from error
    except Exception as error:
        what = otherwise or f"{path}: the results cannot be written"
        raise InputError(f"{what} ({one_line(error)})") from error
