"""Records kept as JSON Lines while a run goes on, by which a run that was stopped goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from looktwice.core.errors import UsageError


class RecordLog:
    """Records of one category by key; without a folder nothing is kept.

    The first line says which run the file belongs to, each other line holds one record.

    Parameters
    ----------
    folder : Path or None
        The file is ``<name>.progress.jsonl`` in it.
    name : str
        Of the category.
    run : mapping
        What the records depend on, JSON-serialisable.

    Attributes
    ----------
    records : dict of str to dict

    Raises
    ------
    UsageError
        The file belongs to another run.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     RecordLog(Path(folder), "tile", {"model": "mine"}).add("1.png", {"answer": "Yes."})
    ...     RecordLog(Path(folder), "tile", {"model": "mine"}).records  # as after a stop
    {'1.png': {'answer': 'Yes.'}}
    """

    def __init__(self, folder: Path | None, name: str, run: Mapping[str, Any]) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self._path = None if folder is None else folder / f"{name.replace('/', '_')}.progress.jsonl"
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        header = json.loads(json.dumps(run, default=str))
        lines = list(_whole_lines(self._path))
        if lines and lines[0] != header:
            raise UsageError(f"{self._path} belongs to a run with other settings; delete it or choose another folder")
        self.records = {line["key"]: line["record"] for line in lines[1:]}
        if not lines:
            self._path.write_text(json.dumps(header) + "\n", encoding="utf-8")

    def add(self, key: str, record: dict[str, Any]) -> None:
        """Keep one record."""
        if self._path is None or key in self.records:
            return
        self.records[key] = record
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "record": record}, default=str) + "\n")


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file; a line that a stopped run left unfinished is cut off."""
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if len(whole) < len(text):
        path.write_text(whole, encoding="utf-8")
    for line in whole.splitlines():
        yield json.loads(line)
