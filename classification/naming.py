"""What a namer answers: an anomaly in, a class out; and answers kept by content, so that nothing is asked twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from looktwice.classification import prompt
from looktwice.classification.anomaly import Anomaly
from looktwice.classification.taxonomy import UNKNOWN, Taxonomy
from looktwice.core.atomic import atomic_path

LEAST_MARGIN = 0.05
"""A class must be likelier than chance by so much to be named."""


@dataclass(frozen=True)
class Naming:
    """A class, and why.

    Attributes
    ----------
    key : str
        A class of the taxonomy, or ``"unknown"``.
    confidence : float or None
        In [0, 1]; None where a model gave none.
    why : str
    probabilities : dict of str to float
        By class, where they are known.
    tokens : dict of str to int
        ``prompt`` and ``answer``; empty where no language model was asked.
    problem : str or None
        What was wrong with an answer that could not be taken as it was; it counts as unknown.
    worded_by : {"smollm2", "template"} or None
        Who worded the reason where a language model was to; ``template`` where what it wrote was refused.

    Examples
    --------
    >>> naming = Naming("pit", 0.9, "the region is dark")
    >>> naming.is_unknown, Naming("unknown", None, "no class stands out from the others").is_unknown
    (False, True)
    """

    key: str
    confidence: float | None
    why: str
    probabilities: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    problem: str | None = None
    worded_by: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object."""
        return dict(vars(self))

    @property
    def is_unknown(self) -> bool:
        """Whether no class was named."""
        return self.key == UNKNOWN


class Namer(Protocol):
    """Names anomalies by one taxonomy.

    Attributes
    ----------
    name : str
        Who it is, as reports have it: ``measured``, ``openai:MODEL@URL`` ...
    version : str
        What else its answers depend on; answers of another version are not taken from the cache.
    taxonomy : Taxonomy
    """

    name: str
    version: str
    taxonomy: Taxonomy

    def identify(self, anomaly: Anomaly) -> Naming:
        """Name one anomaly."""
        ...


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

    Examples
    --------
    >>> import tempfile
    >>> from looktwice.classification.anomaly import AnomalyView, Contours
    >>> from looktwice.classification.namers.measured import MeasuredNamer
    >>> plates = Taxonomy(category="plate", classes={"pit": {"description": "A dark pit."}})
    >>> view = AnomalyView(np.zeros((64, 64, 3), np.uint8), np.eye(64, dtype=bool))
    >>> anomaly = Anomaly((view,), Contours.PREDICTED)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     namer = CachedNamer(MeasuredNamer(None, plates), Path(folder))
    ...     [namer.identify(anomaly).key for _ in range(3)], namer.hits
    (['pit', 'pit', 'pit'], 2)
    """

    def __init__(self, namer: Namer, folder: Path) -> None:
        self.name, self.version, self.taxonomy = namer.name, namer.version, namer.taxonomy
        self.hits = 0
        self._namer, self._folder = namer, folder

    def identify(self, anomaly: Anomaly) -> Naming:
        """Name one anomaly, out of the folder where it was asked before; that costs no tokens."""
        path = self._folder / f"{self._key(anomaly)}.json"
        kept = _load(path)
        if kept is not None and (kept.is_unknown or kept.key in self.taxonomy.classes):
            self.hits += 1
            return kept
        naming = self._namer.identify(anomaly)
        if naming.problem is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                temporary.write_text(json.dumps({**naming.to_json(), "tokens": {}}), encoding="utf-8")
        return naming

    def _key(self, anomaly: Anomaly) -> str:
        digest = hashlib.sha256()
        said: list[Any] = [
            self.name,
            self.version,
            prompt.VERSION,
            self.taxonomy.model_dump(mode="json"),
            anomaly.facts,
        ]
        digest.update(json.dumps(said, sort_keys=True, default=str).encode())
        for one in anomaly.views:
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
