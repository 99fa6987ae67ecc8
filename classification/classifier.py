"""The pipeline: look, and where something is wrong, name it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from looktwice.classification.cache import CachedNamer
from looktwice.classification.detection import Detection, Detector
from looktwice.classification.namers.measured import Embedded
from looktwice.classification.namers.endpoint import EndpointNamer
from looktwice.classification.naming import Namer, Naming
from looktwice.classification.anomaly import Specimen, measure
from looktwice.classification.taxonomy import GOOD, UNKNOWN, Severity, Taxonomy
from looktwice.classification.namers.worded import WordedNamer, load_writer
from looktwice.core.errors import UsageError
from looktwice.core.study import BoolArray
from looktwice.encoders.base import VisionEncoder
from looktwice.reasoning.remote import PREFIX, Endpoint


@dataclass(frozen=True, eq=False)
class Classification:
    """What one input is.

    Attributes
    ----------
    detection : Detection
    taxonomy : Taxonomy
    naming : Naming or None
        None for what is normal: nobody was asked.
    namer : str
        Who was asked.
    cached : bool
        The answer was known already.
    seconds : dict of str to float
        ``look``, ``name`` and ``total``.
    """

    detection: Detection
    taxonomy: Taxonomy
    naming: Naming | None
    namer: str
    cached: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The class, ``"good"``, or ``"unknown"``."""
        return GOOD if self.naming is None else self.naming.key

    @property
    def severity(self) -> str:
        """``"normal"``, ``"negligible"`` or ``"defect"``; what is unknown counts as a defect, the cautious reading."""
        if self.naming is None:
            return "normal"
        entry = self.taxonomy.classes.get(self.naming.key)
        return (Severity.DEFECT if entry is None else entry.severity).value

    @property
    def shown(self) -> str:
        """The name of the class as people read it."""
        entry = self.taxonomy.classes.get(self.key)
        return {GOOD: "normal"}.get(self.key, self.key) if entry is None else entry.name

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of one study."""
        found, naming, specimen = self.detection, self.naming, self.detection.specimen
        record: dict[str, Any] = {
            "study": found.study.name,
            "input": str(found.study.source),
            "modality": found.study.modality.value,
            "taxonomy": self.taxonomy.category,
            "score": found.score,
            "threshold": found.threshold,
            "verdict": "normal" if specimen is None else "anomalous",
            "class": self.key,
            "name": self.shown,
            "severity": self.severity,
            "confidence": None if naming is None else naming.confidence,
            "why": None if naming is None else naming.why,
            "worded_by": None if naming is None else naming.worded_by,
            "probabilities": {} if naming is None else naming.probabilities,
            "problem": None if naming is None else naming.problem,
            "contours": None if specimen is None else specimen.contours.value,
            "region": None if specimen is None else _region(specimen, self.taxonomy),
            "answered_by": None if naming is None else self.namer,
            "cached": self.cached,
            "tokens": {} if naming is None else naming.tokens,
            "another_object": found.another_object,
            "seconds": self.seconds,
            "notes": [*found.study.notes, *found.notes],
        }
        return record


class Classifier:
    """A detector and whoever names what it finds.

    Parameters
    ----------
    detector : Detector
    namer : Namer
    """

    def __init__(self, detector: Detector, namer: Namer) -> None:
        self.detector, self.namer = detector, namer

    def classify(self, path: Path, modality: str = "auto", truth: BoolArray | None = None) -> Classification:
        """Detect, then name; see :meth:`Detector.look`. What is normal is not shown to the namer."""
        found = self.detector.look(path, modality, truth)
        started = time.perf_counter()
        naming, cached = None, False
        if found.specimen is not None:
            known = self.namer.hits if isinstance(self.namer, CachedNamer) else 0
            naming = self.namer.identify(found.specimen)
            cached = isinstance(self.namer, CachedNamer) and self.namer.hits > known
        named = time.perf_counter() - started
        seconds = {"look": found.seconds, "name": named, "total": found.seconds + named}
        return Classification(found, self.namer.taxonomy, naming, self.namer.name, cached, seconds)


def open_namer(
    name: str,
    taxonomy: Taxonomy,
    encoder: VisionEncoder,
    *,
    examples: dict[str, list[Specimen]] | None = None,
    allow_remote: bool = False,
    cache: Path | None = None,
    device: str = "auto",
) -> Namer:
    """Open whoever names findings.

    Parameters
    ----------
    name : str
        ``embedded``, ``embedded:smollm2``, ``openai:MODEL@URL``, or a model on this machine; see ``local.open_local``.
    taxonomy : Taxonomy
    encoder : VisionEncoder
        For the embedded classifier.
    examples : dict of class key to specimens, optional
        For the embedded classifier.
    allow_remote : bool
        Medical data may be sent to a server on another machine.
    cache : Path, optional
        Folder for a language model's answers.
    device : {"auto", "cpu", "cuda"}
        For a model on this machine.

    Raises
    ------
    UsageError
        Nobody of that name, or examples for a language model.
    WeightsError
        The model's weights are not here; the line says what to run.
    """
    if name in (Embedded.name, WordedNamer.name):
        embedded = Embedded(encoder, taxonomy)
        if examples:
            specimens = [specimen for group in examples.values() for specimen in group]
            labels = [key for key, group in examples.items() for _ in group]
            embedded.learn(embedded.describe(specimens), labels)
        return embedded if name == Embedded.name else WordedNamer(embedded, load_writer())
    if examples:
        raise UsageError("labelled examples are for the embedded classifier; leave out --examples or --llm")
    namer: Namer
    if name.startswith(PREFIX):
        namer = EndpointNamer(Endpoint.parse(name), taxonomy, allow_remote)
    else:
        from looktwice.classification.namers.local import open_local

        namer = open_local(name, taxonomy, encoder, device)
    return namer if cache is None else CachedNamer(namer, cache)


def summarise(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum up a run: inputs by verdict and class, calls, tokens, seconds, and what went wrong.

    Parameters
    ----------
    records : sequence of dict
        Those of :meth:`Classification.to_json`, and ``{"input", "error"}`` for inputs that failed.
    """
    done = [record for record in records if "error" not in record]
    classes: dict[str, int] = {}
    for record in done:
        classes[record["class"]] = classes.get(record["class"], 0) + 1
    asked = [record for record in done if record["answered_by"] not in (None, "embedded") and not record["cached"]]
    return {
        "inputs": len(records),
        "failed": len(records) - len(done),
        "normal": classes.get(GOOD, 0),
        "classes": {key: count for key, count in classes.items() if key not in (GOOD, UNKNOWN)},
        "unknown": classes.get(UNKNOWN, 0),
        "answers_not_taken": sum(record["problem"] is not None for record in done),
        "another_object": sum(record["another_object"] for record in done),
        "calls": len(asked),
        "cached": sum(record["cached"] for record in done),
        "tokens": {name: sum(record["tokens"].get(name, 0) for record in done) for name in ("prompt", "answer")},
        "seconds": sum(record["seconds"]["total"] for record in done),
    }


def _region(specimen: Specimen, taxonomy: Taxonomy) -> dict[str, Any]:
    main = specimen.exposures[0]
    measured = {name: round(value, 4) for name, value in measure(main, taxonomy.drawing).items()}
    return {"view": main.name, "share": float(main.mask.mean()), **specimen.facts, "measurements": measured}
