"""Finding inputs: folders to any depth, zips, and several files that make one input; each is done or named."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from looktwice.core.errors import InputError, UsageError
from looktwice.core.result import Failure
from looktwice.core.study_marker import is_study_folder
from looktwice.modalities.base import Adapter, Gathered
from looktwice.modalities.inputs import Input
from looktwice.modalities.opening import adapters, check_readable, nouns, sniff
from looktwice.modalities.zips import unpack

OTHER, HIDDEN, TWICE = "other files", "hidden files", "inputs that were met before"
RESULTS, NOT_CHOSEN = "folders with results", "series that were not chosen"


@dataclass
class Found:
    """What was found among what a user gave.

    Attributes
    ----------
    inputs : list of Input or Failure
        In the order of what was given, folders by name; a `Failure` for what has the name or the content of an input
        and cannot be used.
    passed_over : Counter
        What is no input, by what it is.
    groups : dict of str to list of Gathered
        What was made together (the series of an examination), where that is more than one.

    Examples
    --------
    >>> found = Found([], Counter({"other files": 412}))
    >>> found.summary()
    '412 other files passed over'
    """

    inputs: list[Input | Failure]
    passed_over: Counter[str]
    groups: dict[str, list[Gathered]] = field(default_factory=dict)

    def summary(self) -> str:
        """Return one line about what is no input; empty where there is nothing to say."""
        counts = ", ".join(f"{count} {_singular(what, count)}" for what, count in self.passed_over.items() if count)
        return counts and f"{counts} passed over"


@dataclass
class _Place:
    """Something that was found, before it is known which input it belongs to."""

    path: Path
    shown: str
    adapter: Adapter | None = None
    failure: Failure | None = None
    holds: Any = None


def find_inputs(given: Iterable[Path], leave_out: Path | None = None, series: Sequence[str] = ()) -> Found:
    """Find the inputs in files, folders and zips.

    Parameters
    ----------
    given : iterable of Path
        What is named here is done or named as a failure. Folders are searched to any depth, links to folders included;
        what lies in them and has neither the content nor the name of an input is counted only.
    leave_out : Path, optional
        A folder that is not searched, where it lies inside another one: that of the results.
    series : sequence of str
        Which of the gathered inputs (DICOM series) to keep, by identity (UID) or by name; all of them by default.

    Raises
    ------
    UsageError
        One of `series` is not there.
    """
    search = _Search(leave_out)
    for path in given:
        search.take(path)
    return search.found(series)


def list_inputs(inputs: Any) -> list[Any]:
    """Return inputs as a list; a single one, or a folder's path, is searched for those in it.

    Raises
    ------
    UsageError
        A path cannot be used.
    """
    several = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    listed: list[Any] = []
    for one in several:
        found = find_inputs([Path(one)]).inputs if isinstance(one, (str, Path)) else [one]
        for each in found:
            if isinstance(each, Failure):
                raise UsageError(str(each.reason)) from each.reason
        listed += found
    return listed


class _Search:
    """The places found so far."""

    def __init__(self, leave_out: Path | None) -> None:
        self._asked = adapters()
        self._suffixes = tuple(suffix for adapter in self._asked for suffix in adapter.suffixes)
        self._leave_out = None if leave_out is None else leave_out.resolve()
        self._places: list[_Place] = []
        self._seen: set[Path] = set()
        self._passed_over: Counter[str] = Counter()

    def take(self, path: Path) -> None:
        """Take what a user named."""
        try:
            check_readable(path)
            adapter = None if path.is_dir() else sniff(path)
        except (InputError, OSError) as error:
            self._fail(path, str(path), _about(path, error))
            return
        if path.is_dir():
            self._take_all_of(path, str(path))
        elif self._is_new(path):
            if path.suffix.lower() == ".zip":
                self._take_zip(_Place(path, str(path), adapter))
            else:
                self._places.append(_Place(path, str(path), adapter))

    def found(self, series: Sequence[str]) -> Found:
        """Return what was found, with files that make one input brought together."""
        gathered = {adapter.kind: self._gather(adapter) for adapter in self._asked if adapter.gather is not None}
        everything = [one for ones in gathered.values() for one in ones]
        kept = self._chosen(everything, series)
        inputs: list[Input | Failure] = []
        for place in self._places:
            if place.failure is not None:
                inputs.append(place.failure)
            elif place.adapter is None or place.adapter.gather is None:
                inputs.append(_single(place))
            else:
                # Several may stand at one file: a zip.
                inputs += [_several(one, place) for one in kept if one.at == place.path]
        groups: dict[str, list[Gathered]] = {}
        for one in everything:
            if one.group and not one.passed_over:
                groups.setdefault(one.group, []).append(one)
        return Found(inputs, self._passed_over, {name: ones for name, ones in groups.items() if len(ones) > 1})

    def _gather(self, adapter: Adapter) -> list[Gathered]:
        paths = [place.path for place in self._places if place.adapter is adapter]
        assert adapter.gather is not None
        return adapter.gather(paths) if paths else []

    def _chosen(self, everything: list[Gathered], series: Sequence[str]) -> list[Gathered]:
        """Leave out what is nothing to inspect, unless it is all there is, and what was not asked for."""
        usable = [one for one in everything if not one.passed_over]
        if not usable and all(place.adapter is not None and place.adapter.gather for place in self._places):
            return everything
        for one in everything:
            self._passed_over[one.passed_over] += len(one.files) if one.passed_over else 0
        if not series:
            return usable
        known = {text for one in usable for text in (one.identity, one.name) if text}
        if unknown := [text for text in series if text not in known]:
            names = ", ".join(one.name for one in usable if one.name) or "none"
            raise UsageError(f"--series {unknown[0]}: there is no such series here; there are {names}")
        chosen = [one for one in usable if not one.identity or {one.identity, one.name} & set(series)]
        self._passed_over[NOT_CHOSEN] += len(usable) - len(chosen)
        return chosen

    def _take_all_of(self, folder: Path, shown: str, holds: Any = None) -> None:
        """Take the inputs in a folder; a folder without any is a failure."""
        before = len(self._places), self._passed_over[TWICE]
        for path, name in self._walk(folder, shown):
            self._take_inside(path, name, holds)
        if (len(self._places), self._passed_over[TWICE]) == before:
            self._fail(folder, shown, InputError(f"{shown}: contains no {nouns()}"))

    def _walk(self, root: Path, shown: str) -> Iterator[tuple[Path, str]]:
        """Yield the files below a folder by name; each folder once, whatever links lead to it."""
        waiting, been = [(root, shown)], set[Path]()
        while waiting:
            path, name = waiting.pop()
            try:
                if not stat.S_ISDIR(path.stat().st_mode):
                    yield path, name
                    continue
                if self._is_left_out(path, root) or path.resolve() in been:
                    continue
                if any(adapter.gather is None and adapter.matches(path) for adapter in self._asked):
                    yield path, name
                    continue
                been.add(path.resolve())
                entries = sorted((entry.name for entry in path.iterdir()), reverse=True)
            except OSError as error:
                if path.is_symlink() and not path.name.lower().endswith(self._suffixes):
                    self._passed_over[OTHER] += 1
                else:
                    self._fail(path, name, _about(Path(name), error))
                continue
            # A dot stands before what systems and programs keep for themselves.
            self._passed_over[HIDDEN] += sum(entry.startswith(".") for entry in entries)
            waiting += [
                (path / entry, f"{name.rstrip(os.sep)}{os.sep}{entry}")
                for entry in entries
                if not entry.startswith(".")
            ]

    def _is_left_out(self, folder: Path, root: Path) -> bool:
        if folder.name == "__MACOSX":
            return True
        left_out = folder != root and folder.resolve() == self._leave_out
        if left_out or is_study_folder(folder):
            self._passed_over[RESULTS] += 1
            return True
        return False

    def _take_inside(self, path: Path, shown: str, holds: Any) -> None:
        """Take a file that was found and not named by the user."""
        known = path.name.lower().endswith(self._suffixes)
        try:
            if not path.is_file() and not path.is_dir():
                self._passed_over[OTHER] += 1
                return
            check_readable(path)
            adapter = sniff(path)
        except (InputError, OSError) as error:
            if known:
                self._fail(path, shown, _about(Path(shown), error, path))
            else:
                self._passed_over[OTHER] += 1
            return
        if path.suffix.lower() == ".zip" and holds is None:
            if self._is_new(path):
                self._take_zip(_Place(path, shown, adapter), named=False)
        elif adapter is not None:
            if self._is_new(path):
                self._places.append(_Place(path, shown, adapter, holds=holds))
        elif known:
            problem = "has the name of an input and is damaged, or of a format that is not read"
            self._fail(path, shown, InputError(f"{shown}: {problem}; export it again, or remove it"))
        else:
            self._passed_over[OTHER] += 1

    def _take_zip(self, place: _Place, named: bool = True) -> None:
        """Take a zip: DICOM is read where it is, what else there is from a folder."""
        if place.adapter is not None:
            self._places.append(place)
        try:
            folder = unpack(place.path, self._suffixes)
        except InputError as error:
            self._fail(place.path, place.shown, InputError(f"{place.shown}: {error}"))
            return
        if folder is not None:
            self._take_all_of(Path(folder.name), place.shown, folder)
        elif named and place.adapter is None:
            self._fail(place.path, place.shown, InputError(f"{place.shown}: contains no {nouns()}"))
        elif place.adapter is None:
            self._passed_over[OTHER] += 1

    def _is_new(self, path: Path) -> bool:
        real = path.resolve()
        if real in self._seen:
            self._passed_over[TWICE] += 1
            return False
        self._seen.add(real)
        return True

    def _fail(self, path: Path, shown: str, reason: InputError) -> None:
        self._places.append(_Place(path, shown, failure=Failure(shown, reason)))


def _single(place: _Place) -> Input:
    """Return an input that is one file; what a zip held is known by the zip and its name in there."""
    if place.holds is None:
        return Input(place.path, kind=_kind(place))
    zipped = os.path.realpath(place.shown)
    return Input(place.path, kind=_kind(place), shown=place.shown, identity=zipped, holds=place.holds)


def _several(one: Gathered, place: _Place) -> Input | Failure:
    problem = one.problem or (one.passed_over and f"nothing to inspect: {one.passed_over}")
    if problem:
        return Failure(str(one.source), InputError(f"{one.source}: {problem}"))
    return Input(
        one.source,
        kind=_kind(place),
        options=one.options,
        identity=one.identity,
        files=one.files,
        notes=one.notes,
    )


def _kind(place: _Place) -> str:
    return "" if place.adapter is None else place.adapter.kind


def _about(path: Path, error: Exception, real: Path | None = None) -> InputError:
    """Return an error that names a path as the user knows it."""
    if isinstance(error, InputError):
        return error if real is None else InputError(str(error).replace(str(real), str(path)))
    return InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})")


def _singular(what: str, count: int) -> str:
    if count != 1:
        return what
    return what.replace("files", "file").replace("inputs", "input").replace("folders", "folder").replace("were", "was")
