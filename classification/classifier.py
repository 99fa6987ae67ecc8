"""Classifying what was detected: an anomaly gets a name, and the whole a record, pictures and a sum."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from looktwice.classification.anomaly import Anomaly, Detection
from looktwice.classification.contour import draw_contour, shown
from looktwice.classification.measurements import measure
from looktwice.classification.naming import CachedNamer, Namer, Naming
from looktwice.classification.taxonomy import GOOD, UNKNOWN, Severity, Taxonomy
from looktwice.core.atomic import atomic_path, write_json
from looktwice.core.result import finite
from looktwice.core.study import BoolArray, ByteArray

# The name of the namer that asks no language model, as records have it.
_NO_MODEL = "measured"


@dataclass(frozen=True, eq=False)
class Classification:
    """What one input is.

    Attributes
    ----------
    detection : Detection
    anomaly : Anomaly or None
        What was named; None where nothing is wrong.
    taxonomy : Taxonomy
    naming : Naming or None
        None for what is normal: nobody was asked.
    namer : str
        Who was asked.
    cached : bool
        The answer was known already.
    seconds : dict of str to float
        ``look`` (detection), ``name`` and ``total``.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.classification.anomaly import SuspectView
    >>> from looktwice.classification.taxonomy import load_taxonomies
    >>> from looktwice.modalities.images.study import ImageStudy
    >>> image, heat = np.full((64, 64, 3), 120, np.uint8), np.eye(64, dtype=np.float32)
    >>> found = Detection(ImageStudy(Path("tile"), image), 0.9, 0.5, 0.5, (SuspectView(image, heat),))
    >>> tiles = load_taxonomies("magnetic_tile")["magnetic_tile"]
    >>> naming = Naming("uneven", 0.8, "the region is long and faint")
    >>> tile = Classification(found, found.anomaly(), tiles, naming, "measured")
    >>> tile.key, tile.severity
    ('uneven', 'negligible')
    """

    detection: Detection
    anomaly: Anomaly | None
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
        found, naming, anomaly = self.detection, self.naming, self.anomaly
        called = "unsure" if found.doubt else "normal" if anomaly is None else "anomalous"
        return {
            "study": found.study.name,
            "input": str(found.study.source),
            "modality": found.study.modality.value,
            "taxonomy": self.taxonomy.category,
            "score": found.score,
            "threshold": found.threshold,
            "verdict": called if found.covered else None,
            "class": self.key,
            "name": self.shown,
            "severity": self.severity,
            "confidence": None if naming is None else naming.confidence,
            "why": None if naming is None else naming.why,
            "worded_by": None if naming is None else naming.worded_by,
            "probabilities": {} if naming is None else naming.probabilities,
            "problem": None if naming is None else naming.problem,
            "contours": None if anomaly is None else anomaly.contours.value,
            "region": None if anomaly is None else _region(anomaly, self.taxonomy),
            "answered_by": None if naming is None else self.namer,
            "cached": self.cached,
            "tokens": {} if naming is None else naming.tokens,
            "another_object": found.another_object,
            "seconds": self.seconds,
            "notes": found.notes,
        }


class Classifier:
    """Names what was detected.

    Parameters
    ----------
    namer : Namer
        Asked about anomalies only; what is normal is not shown to it.

    Examples
    --------
    >>> import numpy as np
    >>> from looktwice.classification.anomaly import SuspectView
    >>> from looktwice.classification.namers.measured import MeasuredNamer
    >>> from looktwice.classification.taxonomy import load_taxonomies
    >>> from looktwice.modalities.images.study import ImageStudy
    >>> image, heat = np.full((64, 64, 3), 120, np.uint8), np.zeros((64, 64), np.float32)
    >>> image[30:32, 10:50], heat[30:32, 10:50] = 20, 0.9
    >>> found = Detection(ImageStudy(Path("tile"), image), 0.9, 0.5, 0.5, (SuspectView(image, heat),))
    >>> namer = MeasuredNamer(None, load_taxonomies("magnetic_tile")["magnetic_tile"])  # no examples, no encoder
    >>> Classifier(namer).classify(found).key
    'crack'
    """

    def __init__(self, namer: Namer) -> None:
        self.namer = namer

    def classify(self, detection: Detection, truth: BoolArray | None = None) -> Classification:
        """Classify one input that was judged.

        Parameters
        ----------
        detection : Detection
        truth : bool, shape (H, W), optional
            Where a photograph is anomalous, by ground truth; see `Detection.anomaly`.

        Raises
        ------
        InputError
            `truth` does not fit the input.
        """
        started = time.perf_counter()
        anomaly = detection.anomaly(truth)
        naming, cached = None, False
        if anomaly is not None:
            known = self.namer.hits if isinstance(self.namer, CachedNamer) else 0
            naming = self.namer.identify(anomaly)
            cached = isinstance(self.namer, CachedNamer) and self.namer.hits > known
        named = time.perf_counter() - started
        seconds = {"look": detection.seconds, "name": named, "total": detection.seconds + named}
        return Classification(detection, anomaly, self.namer.taxonomy, naming, self.namer.name, cached, seconds)


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
    asked = [record for record in done if record["answered_by"] not in (None, _NO_MODEL) and not record["cached"]]
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


def write_classification(found: Classification, record: dict[str, Any], folder: Path) -> dict[str, str]:
    """Write the pictures and the record of one study.

    Parameters
    ----------
    found : Classification
    record : dict
        Its JSON object, to which the names of the files are added.
    folder : Path
        Made where it does not exist.

    Returns
    -------
    dict
        Name of each file written, relative to `folder`. Contours have their kind in their name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    artifacts: dict[str, str] = {}
    views = () if found.anomaly is None else found.anomaly.views
    for number, view in enumerate(views, 1):
        assert found.anomaly is not None
        ending = found.anomaly.contours.value + ("" if len(views) == 1 else f"-{number}")
        pictures = {
            f"contour_{ending}": draw_contour(view.image, view.mask),
            f"shown_{ending}": shown(view.image, view.mask),
        }
        for name, picture in pictures.items():
            artifacts[name] = _write_picture(picture, folder / f"{name}.png")
    artifacts["json"] = "classification.json"
    write_json(finite({**record, "artifacts": artifacts}), folder / "classification.json")
    return artifacts


def _region(anomaly: Anomaly, taxonomy: Taxonomy) -> dict[str, Any]:
    main = anomaly.views[0]
    measured = {name: round(value, 4) for name, value in measure(main, taxonomy.drawing).items()}
    return {"view": main.name, "share": float(main.mask.mean()), **anomaly.facts, "measurements": measured}


def _write_picture(picture: ByteArray, path: Path) -> str:
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary)
    return path.name
