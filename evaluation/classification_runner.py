"""Running a classifier on benchmark folders, as VELM does: detect, name, and count (arXiv 2505.02626).

The classifier is passed in: this file draws examples and references, puts every test sample to it, keeps the records
and compares the answers with the truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from looktwice.core.errors import InputError, UsageError
from looktwice.core.study import BoolArray
from looktwice.datasets.duplicates import things_shown
from looktwice.datasets.files import IMAGES, stem, suffix
from looktwice.datasets.masks import load_mask
from looktwice.datasets.sample import Sample
from looktwice.evaluation.bootstrap import interval, replicate
from looktwice.evaluation.classification import evaluate_classification
from looktwice.evaluation.curves import FloatArray
from looktwice.evaluation.record_log import RecordLog
from looktwice.evaluation.sets import EvaluationSet
from looktwice.evaluation.velm import GOOD, UNKNOWN, Verdict

Follow = Callable[[Iterable[Sample], str, int], Iterable[Sample]]
Examples = Mapping[str, Sequence[tuple[Path, Path | None]]]
"""Class key to labelled inputs, each with its mask or None."""


@dataclass(frozen=True)
class ClassificationProtocol:
    """How a benchmark is run.

    Attributes
    ----------
    llm : str
        Who names.
    contours : {"predicted", "oracle"}
        Where the regions come from: detection, or the ground truth's masks.
    examples : int
        Labelled examples per class, drawn out of the test samples; they are never tested.
    references : int
        Normal inputs of ``train/good`` that detection compares with.
    seed : int
    allow_remote : bool

    Examples
    --------
    >>> ClassificationProtocol(examples=10).to_json()["contours"]
    'predicted'
    """

    llm: str = "measured"
    contours: Literal["predicted", "oracle"] = "predicted"
    examples: int = 0
    references: int = 16
    seed: int = 0
    allow_remote: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object."""
        return dict(vars(self))


class Classes(Protocol):
    """What a run asks of a taxonomy."""

    def key_of(self, shown: str) -> str | None:
        """Return the class of a name; None for a name of no class."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return all that it says, as JSON with ``mode="json"``."""
        ...


class CategoryClassifier(Protocol):
    """Classifies the inputs of one category."""

    @property
    def problems(self) -> Sequence[str]:
        """One line for each example that could not be used."""

    def classify(self, path: Path, truth: BoolArray | None) -> dict[str, Any]:
        """Return the record of one input, with ``class`` (a key, ``"good"`` or ``"unknown"``) and ``name`` among it.

        Parameters
        ----------
        path : Path
        truth : bool, shape (H, W), optional
            Takes the place of the region that is detected.

        Raises
        ------
        InputError
            The input cannot be used.
        """
        ...


class System(Protocol):
    """What is evaluated: a model, who names, and taxonomies."""

    def classes_of(self, category: str) -> Classes:
        """Return the taxonomy of a category; raise UsageError where it has none."""
        ...

    def open(self, category: str, references: Sequence[Path], examples: Examples) -> CategoryClassifier:
        """Make a classifier of one category out of normal inputs and labelled examples."""
        ...

    def summarise(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Sum up the records of a run, and ``{"input", "error"}`` for inputs that failed."""
        ...


def run_classification(
    sets: Sequence[EvaluationSet],
    system: System,
    protocol: ClassificationProtocol,
    *,
    folder: Path | None = None,
    follow: Follow = lambda items, name, total: items,
) -> dict[str, Any]:
    """Classify every test sample of some categories and compare with the truth.

    Parameters
    ----------
    sets : sequence of EvaluationSet
    system : System
    protocol : ClassificationProtocol
    folder : Path, optional
        Predictions are kept there while the run goes on, and a run that was stopped goes on from them.
    follow : callable
        Wraps the samples of a set, to show progress.

    Returns
    -------
    dict
        As ``evaluate_classification``; for each category besides ``accuracy_of_flawed`` (a missed one is wrong),
        ``found``, ``false_alarms``, ``ci95`` of these and of the accuracy (a bootstrap over things shown), and
        ``not_tested`` (examples, and what shows the same things as they). Then ``predictions`` in VELM's form (the
        contours' kind in its name), ``summary``, ``protocol`` and ``left_out``.

    Raises
    ------
    UsageError
        A category has no taxonomy, or `folder` holds another run.
    """
    verdicts: list[Verdict] = []
    shown: dict[str, str] = {}
    not_tested: dict[str, int] = {}
    predictions: dict[str, str] = {}
    left_out: dict[str, str] = {}
    records: list[dict[str, Any]] = []
    for one in sets:
        classes = system.classes_of(one.name)
        things = dict(zip((sample.path for sample in one.test), things_shown(one.test), strict=True))
        chosen, tested = draw_examples(one.test, things, classes.key_of, protocol.examples, protocol.seed)
        not_tested[one.name] = len(one.test) - len(tested)
        classifier = system.open(one.name, _references(one, protocol), _outlined(chosen))
        left_out |= {f"{one.name} example {number}": text for number, text in enumerate(classifier.problems, 1)}
        log = RecordLog(folder, one.name, {**protocol.to_json(), "taxonomy": classes.model_dump(mode="json")})
        for sample in follow(tested, one.name, len(tested)):
            key = f"{one.name}_{sample.defect}_{stem(sample.path)}"
            record = log.records.get(key) or _classify(classifier, sample, protocol.contours)
            log.add(key, record)
            records.append(record)
            if "error" in record:
                left_out[key] = record["error"]
                continue
            predictions[key] = GOOD if record["class"] == GOOD else record["name"]
            truth = classes.key_of(sample.defect) or sample.defect
            shown[key] = f"{one.name} {things[sample.path]}"
            verdicts.append(Verdict(key, one.name, truth.lower(), _as_published(record["class"])))
    if not verdicts:
        raise UsageError(f"nothing could be classified: {next(iter(left_out.values()), 'no test samples')}")
    result = evaluate_classification(verdicts)
    for name, row in result["categories"].items():
        row |= _rates([one for one in verdicts if one.category == name], shown)
        row["not_tested"] = not_tested[name]
    return {
        **result,
        f"predictions_{protocol.contours}": predictions,
        "summary": system.summarise(records),
        "protocol": protocol.to_json(),
        "left_out": left_out,
    }


def draw_examples(
    samples: Sequence[Sample],
    things: Mapping[Path, str],
    key_of: Callable[[str], str | None],
    count: int,
    seed: int,
) -> tuple[dict[str, list[Sample]], list[Sample]]:
    """Draw examples of each class, one of a thing, and return them and the samples that remain to be tested.

    Whatever an example shows is not tested, so that no picture is recognised; at least half of a class remains.

    Parameters
    ----------
    samples : sequence of Sample
    things : mapping
        Path of a sample to the thing that it shows; see ``duplicates.things_shown``.
    key_of : callable
        Returns the class of a defect, or None where the taxonomy has none; such samples are no examples.
    count : int
        Examples per class, at most.
    seed : int
    """
    generator = np.random.default_rng(seed)
    chosen: dict[str, list[Sample]] = {}
    for defect in dict.fromkeys(sample.defect for sample in samples if sample.label == 1):
        key = key_of(defect)
        if key is None:
            continue
        group = [sample for sample in samples if sample.defect == defect]
        sizes = Counter(things[sample.path] for sample in group)
        seen: set[str] = set()
        for index in generator.permutation(len(group)):
            thing = things[group[index].path]
            if len(seen) == count or 2 * sum(sizes[one] for one in {*seen, thing}) > len(group):
                continue
            if thing not in seen:
                seen.add(thing)
                chosen.setdefault(key, []).append(group[index])
    shown = {things[sample.path] for group in chosen.values() for sample in group}
    return chosen, [sample for sample in samples if things[sample.path] not in shown]


def _outlined(chosen: Mapping[str, Sequence[Sample]]) -> Examples:
    """Return examples with their masks; of volumes and clouds the region is the one that is detected."""
    return {
        key: [(sample.path, sample.mask if suffix(sample.path) in IMAGES else None) for sample in group]
        for key, group in chosen.items()
    }


def _classify(classifier: CategoryClassifier, sample: Sample, contours: str) -> dict[str, Any]:
    try:
        truth = load_mask(sample) if contours == "oracle" and sample.label == 1 else None
        if contours == "oracle" and sample.label == 1 and truth is None:
            raise InputError(f"{sample.path}: there is no mask, so no oracle contour can be drawn")
        return classifier.classify(sample.path, truth)
    except InputError as error:
        return {"input": str(sample.path), "error": str(error)}


def _references(one: EvaluationSet, protocol: ClassificationProtocol) -> list[Path]:
    normal = [sample.path for sample in one.samples if sample.split == "train" and sample.label == 0]
    order = np.random.default_rng(protocol.seed).permutation(len(normal))[: protocol.references]
    return [normal[index] for index in sorted(order)] if len(order) > 1 else []


def _as_published(key: str) -> str:
    return UNKNOWN if key == "unknown" else key.lower()


def _rates(verdicts: Sequence[Verdict], shown: Mapping[str, str]) -> dict[str, Any]:
    """Return accuracy over all and over the flawed, and how many flawed and normal ones were called, with intervals."""
    right = np.array([verdict.truth == verdict.predicted for verdict in verdicts])
    called = np.array([verdict.predicted != GOOD for verdict in verdicts])
    flawed = np.array([verdict.truth != GOOD for verdict in verdicts])
    rates: dict[str, Any] = {}
    intervals = {}
    for name, hit, counted in (
        ("accuracy", right, np.ones_like(right)),
        ("accuracy_of_flawed", right, flawed),
        ("found", called, flawed),
        ("false_alarms", called, ~flawed),
    ):
        if counted.any():
            groups = [shown[verdict.key] for verdict, one in zip(verdicts, counted, strict=True) if one]
            rates[name] = float(hit[counted].mean())
            intervals[name] = _share_interval(hit[counted].astype(float), groups)
    return {**rates, "ci95": intervals}


def _share_interval(hits: FloatArray, groups: Sequence[str]) -> list[float] | None:
    return interval(replicate(lambda weights: (weights * hits).sum(axis=1) / weights.sum(axis=1), groups))
