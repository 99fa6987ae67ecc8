"""Answers kept by content: the same question about the same picture is not asked twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from looktwice.classification import prompt
from looktwice.classification.naming import Namer, Naming
from looktwice.classification.anomaly import Specimen
from looktwice.core.atomic import atomic_path


class CachedNamer:
    """A namer whose answers are kept in a folder.

    The key is the SHA-256 of everything that the answer depends on: who is asked, the taxonomy, the words of the
    prompt, and the pixels of every picture and region; never a file's name. Answers that could not be taken are not
    kept.

    Parameters
    ----------
    namer : Namer
    folder : Path

    Attributes
    ----------
    hits : int
        How many answers came out of the folder.
    """

    def __init__(self, namer: Namer, folder: Path) -> None:
        self.name, self.version, self.taxonomy = namer.name, namer.version, namer.taxonomy
        self.hits = 0
        self._namer, self._folder = namer, folder

    def identify(self, specimen: Specimen) -> Naming:
        """Name one finding, out of the folder where it was asked before; that costs no tokens."""
        path = self._folder / f"{self._key(specimen)}.json"
        kept = _load(path)
        if kept is not None and (kept.is_unknown or kept.key in self.taxonomy.classes):
            self.hits += 1
            return kept
        naming = self._namer.identify(specimen)
        if naming.problem is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                temporary.write_text(json.dumps({**naming.to_json(), "tokens": {}}), encoding="utf-8")
        return naming

    def _key(self, specimen: Specimen) -> str:
        digest = hashlib.sha256()
        said: list[Any] = [
            self.name,
            self.version,
            prompt.VERSION,
            self.taxonomy.model_dump(mode="json"),
            specimen.facts,
        ]
        digest.update(json.dumps(said, sort_keys=True, default=str).encode())
        for one in specimen.exposures:
            for pixels in (one.image, one.mask, one.reference, one.expected):
                digest.update(b"-" if pixels is None else f"{pixels.shape}{pixels.dtype}".encode())
                digest.update(b"" if pixels is None else np.ascontiguousarray(pixels).tobytes())
        return digest.hexdigest()


def _load(path: Path) -> Naming | None:
    """Return a kept answer; None where there is none, or what is there is damaged."""
    try:
        return Naming(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
