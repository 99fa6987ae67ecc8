"""Running the pipeline on benchmark folders, as VELM does: detect, name, and count (arXiv 2505.02626)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from looktwice.classification.classifier import Classifier, open_namer, summarise
from looktwice.classification.detection import Detector
from looktwice.datasets.duplicates import things_shown
from looktwice.classification.examples import look_at_examples
from looktwice.classification.naming import Namer
from looktwice.classification.anomaly import Contours
from looktwice.classification.taxonomy import GOOD, Taxonomy
from looktwice.core.errors import InputError, UsageError
from looktwice.datasets.files import IMAGES, stem, suffix
from looktwice.datasets.masks import load_mask
from looktwice.datasets.sample import Sample
from looktwice.evaluation.bootstrap import interval, replicate
from looktwice.evaluation.classification import evaluate_classification
from looktwice.evaluation.curves import FloatArray
from looktwice.evaluation.sets import EvaluationSet
from looktwice.evaluation.velm import UNKNOWN, Verdict
from looktwice.pipeline import Inspector

Follow = Callable[[Iterable[Sample], str, int], Iterable[Sample]]


@dataclass(frozen=True)
class Protocol:
    """How a benchmark is run.

    Attributes
    ----------
    llm : str
        Who names; see ``classifier.open_namer``.
    contours : Contours
    examples : int
        Labelled examples per class, drawn out of the test samples; they are never tested.
    references : int
        Normal inputs of ``train/good`` shown to the detector.
    seed : int
    allow_remote : bool
    """

    llm: str = "embedded"
    contours: Contours = Contours.PREDICTED
    examples: int = 0
    references: int = 16
    seed: int = 0
    allow_remote: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a JSON object."""
        return {**vars(self), "contours": self.contours.value}


def run(
    sets: Sequence[EvaluationSet],
    taxonomies: Mapping[str, Taxonomy],
    inspector: Inspector,
    protocol: Protocol,
    *,
    folder: Path | None = None,
    cache: Path | None = None,
    device: str = "auto",
    follow: Follow = lambda items, name, total: items,
) -> dict[str, Any]:
    """Classify every test sample of some categories and compare with the truth.

    Parameters
    ----------
    sets : sequence of EvaluationSet
    taxonomies : mapping
        By category; where there is a single one, it serves every category.
    inspector : Inspector
    protocol : Protocol
    folder : Path, optional
        Predictions are kept there while the run goes on, and a run that was stopped goes on from them.
    cache : Path, optional
        Of a language model's answers.
    device : {"auto", "cpu", "cuda"}
        For a language model on this machine.
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
        taxonomy = _taxonomy_of(one.name, taxonomies)
        things = dict(zip((sample.path for sample in one.test), things_shown(one.test), strict=True))
        chosen, tested = draw_examples(one.test, things, taxonomy, protocol.examples, protocol.seed)
        not_tested[one.name] = len(one.test) - len(tested)
        detector = Detector(inspector, _references(one, protocol), taxonomy.drawing)
        # Outlines are taken for photographs only; of others the region is the one that the detector sees.
        outlined = {
            key: [(sample.path, sample.mask if suffix(sample.path) in IMAGES else None) for sample in group]
            for key, group in chosen.items()
        }
        specimens, problems = look_at_examples(detector, outlined)
        left_out |= {f"{one.name} example {number}": text for number, text in enumerate(problems, 1)}
        namer = open_namer(
            protocol.llm,
            taxonomy,
            inspector.expert.encoder,
            examples=specimens,
            allow_remote=protocol.allow_remote,
            cache=cache,
            device=device,
        )
        kept = Kept(folder, one.name, {**protocol.to_json(), "taxonomy": taxonomy.model_dump(mode="json")})
        for sample in follow(tested, one.name, len(tested)):
            key = f"{one.name}_{sample.defect}_{stem(sample.path)}"
            record = kept.records.get(key) or _classify(detector, namer, sample, protocol.contours)
            kept.add(key, record)
            records.append(record)
            if "error" in record:
                left_out[key] = record["error"]
                continue
            predictions[key] = GOOD if record["class"] == GOOD else record["name"]
            truth = taxonomy.key_of(sample.defect) or sample.defect
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
        f"predictions_{protocol.contours.value}": predictions,
        "summary": summarise(records),
        "protocol": protocol.to_json(),
        "left_out": left_out,
    }


def draw_examples(
    samples: Sequence[Sample], things: Mapping[Path, str], taxonomy: Taxonomy, count: int, seed: int
) -> tuple[dict[str, list[Sample]], list[Sample]]:
    """Draw examples of each class, one of a thing, and return them and the samples that remain to be tested.

    Whatever an example shows is not tested, so that no picture is recognised; at least half of a class remains.

    Parameters
    ----------
    samples : sequence of Sample
    things : mapping
        Path of a sample to the thing that it shows; see ``duplicates.things_shown``.
    taxonomy : Taxonomy
    count : int
        Examples per class, at most.
    seed : int
    """
    generator = np.random.default_rng(seed)
    chosen: dict[str, list[Sample]] = {}
    for defect in dict.fromkeys(sample.defect for sample in samples if sample.label == 1):
        key = taxonomy.key_of(defect)
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


class Kept:
    """Records of a category kept as JSON Lines, by which a stopped run goes on; without a folder none are.

    Raises
    ------
    UsageError
        The file belongs to another run.
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
            raise UsageError(f"{self._path} was left by another run: remove it, or name another folder")
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


def _classify(detector: Detector, namer: Namer, sample: Sample, contours: Contours) -> dict[str, Any]:
    try:
        truth = load_mask(sample) if contours is Contours.ORACLE and sample.label == 1 else None
        if contours is Contours.ORACLE and sample.label == 1 and truth is None:
            raise InputError(f"{sample.path}: has no mask, so that there is no oracle contour")
        return Classifier(detector, namer).classify(sample.path, truth=truth).to_json()
    except InputError as error:
        return {"input": str(sample.path), "error": str(error)}


def _references(one: EvaluationSet, protocol: Protocol) -> list[Path]:
    normal = [sample.path for sample in one.samples if sample.split == "train" and sample.label == 0]
    order = np.random.default_rng(protocol.seed).permutation(len(normal))[: protocol.references]
    return [normal[index] for index in sorted(order)] if len(order) > 1 else []


def _taxonomy_of(category: str, taxonomies: Mapping[str, Taxonomy]) -> Taxonomy:
    if category in taxonomies:
        return taxonomies[category]
    if len(taxonomies) == 1:
        (only,) = taxonomies.values()
        return only.model_copy(update={"category": category})
    raise UsageError(f"there is no taxonomy of {category}; it has {', '.join(taxonomies)}")


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
