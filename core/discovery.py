"""Finding parts by file name: encoders, sources of evidence, reasoners, dataset readers, kinds of input.

A part is a module or package of a room (such as ``encoders``) that assigns the room's marker constant at its top level:
`WEIGHTS` in ``encoders``, `ABOUT` in ``reasoning`` and so on. Finding a part and reading its constants does not import
it, so help texts stay fast. It is imported when it is used. Folders in ``LOOKTWICE_PLUGINS`` (separated as in ``PATH``)
add parts: ``FOLDER/encoders/mine.py`` is found like ``looktwice/encoders/mine.py``.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from looktwice.core.errors import UsageError

PLUGINS = "LOOKTWICE_PLUGINS"
_FILLED_IN = re.compile(r"[A-Z]{2,}")
log = logging.getLogger(__name__)
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Part:
    """One part of a room.

    Attributes
    ----------
    room : str
        With dots: ``encoders``, ``datasets.readers``.
    stem : str
        Name of its file or folder, without suffix.
    path : Path
        The file that holds its constants.

    Examples
    --------
    >>> part = find_part("encoders", "WEIGHTS", "dinov2_small", "encoder")
    >>> part.stem, part.constant("ABOUT").split(":")[0]
    ('dinov2', 'DINOv2 ViT-S/14')
    """

    room: str
    stem: str
    path: Path

    @cached_property
    def constants(self) -> dict[str, ast.expr]:
        """The top-level assignments of the file, as syntax trees; none, and a warning, if it is not valid Python."""
        found: dict[str, ast.expr] = {}
        try:
            body = ast.parse(self.path.read_text(encoding="utf-8")).body
        except (OSError, SyntaxError, ValueError) as error:
            # Help texts are composed from all parts: one broken plugin must not break every command.
            log.warning("%s is left out, it cannot be read as Python: %s", self.path, error)
            return found
        for node in body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                found[node.target.id] = node.value
        return found

    def constant(self, name: str, default: Any = None) -> Any:
        """Return the value of a literal constant of the file without importing it; `default` if there is none."""
        try:
            return ast.literal_eval(self.constants[name])
        except (KeyError, ValueError):
            return default

    @property
    def name(self) -> str:
        """Its name for users: `NAME` if the file has one, otherwise the name of the file."""
        return str(self.constant("NAME", self.stem))

    @property
    def specs(self) -> tuple[str, ...]:
        """The forms in which users ask for it: its `SPECS`, otherwise its name.

        What stands in brackets may be left out (``onevision-7b[:4bit]``), and what stands in capitals is filled in
        (``openai:MODEL@URL``).
        """
        return tuple(self.constant("SPECS", (self.name,)))

    def answers_to(self, asked: str) -> bool:
        """Return whether what a user asked for has one of its forms.

        From the first capitals of a form on, the part itself checks what was written.

        Examples
        --------
        >>> part = find_parts("reasoning", "ABOUT")["remote"]
        >>> part.specs, part.answers_to("openai:llava@http://localhost/v1"), part.answers_to("template")
        (('openai:MODEL@URL',), True, False)
        """
        return any(re.fullmatch(_pattern(form), asked, re.DOTALL) for form in self.specs)

    def load(self) -> ModuleType:
        """Import it.

        Raises
        ------
        UsageError
            A file of the package has this name.
        """
        name = f"looktwice.{self.room}.{self.stem}"
        own = _files_of(_ROOT.joinpath(*self.room.split(".")), self.stem)
        if self.path in own:
            return importlib.import_module(name)
        if hiding := [file for file in own if file.exists()]:
            raise UsageError(f"{self.path} is hidden by {hiding[0]}; give it another file name")
        loaded = sys.modules.get(name)
        if loaded is not None and Path(str(loaded.__file__)) == self.path:
            return loaded
        return _import_file(name, self.path)


def find_parts(room: str, marker: str) -> dict[str, Part]:
    """Return the parts of a room by name, sorted by name.

    Parameters
    ----------
    room : str
        With dots: ``encoders``, ``datasets.readers``.
    marker : str
        The constant that marks a file of this room as a part.
    """
    folders = [_ROOT, *(Path(entry) for entry in os.environ.get(PLUGINS, "").split(os.pathsep) if entry)]
    found = {part.name: part for folder in folders for part in _parts_in(room, marker, folder)}
    return dict(sorted(found.items()))


def find_part(room: str, marker: str, name: str, what: str) -> Part:
    """Return one part by name.

    Parameters
    ----------
    room, marker : str
        As for `find_parts`.
    name : str
    what : str
        What such a part is called, for the error message: "encoder".

    Raises
    ------
    UsageError
        There is no part of that name; the message lists all names.
    """
    parts = find_parts(room, marker)
    if name not in parts:
        raise UsageError(f"there is no {what} named {name!r}; choose from {', '.join(parts)}")
    return parts[name]


def part_answering(parts: Iterable[Part], asked: str, what: str) -> Part:
    """Return the first part that answers to what a user asked for.

    Parameters
    ----------
    parts : iterable of Part
    asked : str
    what : str
        What such a part is called, for the error message: "reasoner".

    Raises
    ------
    UsageError
        None does; the message lists all forms.
    """
    parts = list(parts)
    for part in parts:
        if part.answers_to(asked):
            return part
    choices = ", ".join(form for part in parts for form in part.specs)
    raise UsageError(f"there is no {what} named {asked!r}; choose from {choices}")


def _parts_in(room: str, marker: str, root: Path) -> Iterator[Part]:
    folder = root.joinpath(*room.split("."))
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        file = path / "__init__.py" if path.is_dir() else path
        if file.suffix == ".py" and file.is_file() and path.name != "__init__.py":
            state = file.stat()
            part = _read(room, path.stem, file, (state.st_mtime_ns, state.st_size, state.st_ino))
            if marker in part.constants:
                yield part


def _files_of(folder: Path, stem: str) -> tuple[Path, Path]:
    return folder / f"{stem}.py", folder / stem / "__init__.py"


def _import_file(name: str, path: Path) -> ModuleType:
    """Import a file that lies outside the package under a name inside it."""
    folder = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _pattern(form: str) -> str:
    fixed, *filled_in = _FILLED_IN.split(form, maxsplit=1)
    return re.escape(fixed).replace(r"\[", "(?:").replace(r"\]", ")?") + (".*" if filled_in else "")


@cache
def _read(room: str, stem: str, path: Path, state: tuple[int, ...]) -> Part:
    """Return a part; the same object as long as its file is the same, so that a file is parsed once."""
    return Part(room, stem, path)
