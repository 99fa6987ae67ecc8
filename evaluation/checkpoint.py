"""A JSON-Lines file by which a stopped evaluation goes on.

The first line says which run it belongs to. Then, set by set, one line per sample and, closing each batch of samples,
one line with the pixel histograms of that batch. A batch counts when its closing line is whole; whatever a stopped run
left behind it is cut off.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from looktwice.core.errors import UsageError
from looktwice.evaluation.pixels import PixelHistograms

VERSION = 1


@dataclass
class Progress:
    """What is known of one set.

    Attributes
    ----------
    records : list of dict
        One per sample, in the order in which they were scored.
    pixels : PixelHistograms
        Of all samples that have ``pixels: true``, in the same order.

    Examples
    --------
    >>> progress = Progress()
    >>> import numpy as np
    >>> progress.records.append({"sample": "1.png", "score": 0.9, "pixels": True})
    >>> progress.pixels.add(np.eye(4), np.eye(4, dtype=bool))
    >>> len(progress.records), progress.pixels.regions
    (1, 1)
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    pixels: PixelHistograms = field(default_factory=PixelHistograms)


class Checkpoint:
    """Keeps progress on disk; without a path it keeps nothing.

    Parameters
    ----------
    path : Path, optional
    run : mapping
        What the scores depend on (model, references, grid ...), JSON-serialisable.

    Raises
    ------
    UsageError
        The file belongs to another run, or is no checkpoint.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "run.jsonl")
    ...     Checkpoint(path, {"model": "mine"}).write("tile", Progress([{"sample": "1.png", "score": 0.9}]))
    ...     Checkpoint(path, {"model": "mine"}).progress("tile").records  # as after a stop
    [{'sample': '1.png', 'score': 0.9}]
    """

    def __init__(self, path: Path | None, run: Mapping[str, Any]) -> None:
        self._path = path
        self._sets: dict[str, Progress] = {}
        header = json.loads(json.dumps({"looktwice_evaluation": VERSION, "run": run}, default=str))
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size:
            self._load(path, header)
        else:
            path.write_text(json.dumps(header) + "\n", encoding="utf-8")

    def progress(self, name: str) -> Progress:
        """Return what is known of the set called `name`."""
        return self._sets.setdefault(name, Progress())

    def write(self, name: str, batch: Progress) -> None:
        """Append a batch of samples of one set."""
        if self._path is None:
            return
        lines = [{"set": name, **record} for record in batch.records]
        lines.append({"set": name, "batch": len(batch.records), "pixels": _encode(batch.pixels)})
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))

    def _load(self, path: Path, header: dict[str, Any]) -> None:
        with path.open("r+b") as file:
            if _parse(file.readline()) != header:
                raise UsageError(f"{path} belongs to a run with other settings; delete it or choose another file")
            whole, batch = file.tell(), Progress()
            for raw in iter(file.readline, b""):
                line = _parse(raw)
                if line is None:
                    break
                if "batch" not in line:
                    batch.records.append(line)
                    continue
                known = self.progress(line["set"])
                known.records += [{key: value for key, value in one.items() if key != "set"} for one in batch.records]
                known.pixels.merge(PixelHistograms.from_bytes(base64.b64decode(line["pixels"])))
                whole, batch = file.tell(), Progress()
            file.truncate(whole)


def _encode(pixels: PixelHistograms) -> str:
    return base64.b64encode(pixels.to_bytes()).decode("ascii")


def _parse(raw: bytes) -> dict[str, Any] | None:
    """Return the object on a line, or None where the line is cut off or is no object."""
    if not raw.endswith(b"\n"):
        return None
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
