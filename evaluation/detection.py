"""The detection benchmark: score the test split of each set, compare with the truth, average over the sets."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from looktwice.core.errors import InputError
from looktwice.datasets.sample import Sample
from looktwice.evaluation import bootstrap
from looktwice.evaluation.checkpoint import Checkpoint, Progress
from looktwice.evaluation.curves import FloatArray
from looktwice.evaluation.draws import average_draws, mean_by_draw
from looktwice.evaluation.metrics import (
    IMAGE_METRICS,
    balanced_accuracy,
    expected_calibration_error,
    image_metrics,
    image_replicates,
    macro,
)
from looktwice.evaluation.pixels import PIXEL_METRICS, PixelHistograms
from looktwice.evaluation.scorer import ScoredInput, Scorer
from looktwice.evaluation.sets import EvaluationSet
from looktwice.evaluation.trivial import measure_shortcuts, shortcut_aurocs
from looktwice.evaluation.truth import PIXEL_SIDE, align, image_size, is_picture, read_picture

BATCH = 64
BATCH_SECONDS = 15.0
"""The checkpoint is written after so many samples or so many seconds, whichever comes first."""

AVERAGED = (*IMAGE_METRICS, *PIXEL_METRICS, "balanced_accuracy", "ece")

Summary = tuple[int | None, dict[str, Any], dict[str, FloatArray]]
"""By which seed references were drawn, the row of the set, and the bootstrap replicates behind its intervals."""

Follow = Callable[[Iterable[ScoredInput], str, int], Iterable[ScoredInput]]


def evaluate_detection(
    sets: Sequence[EvaluationSet],
    scorer_for: Callable[[EvaluationSet], Scorer],
    *,
    run: Mapping[str, Any] | None = None,
    whole_sets: bool = False,
    resume_file: Path | None = None,
    pixel_side: int = PIXEL_SIDE,
    seed: int = 0,
    replicates: int = bootstrap.REPLICATES,
    follow: Follow = lambda results, name, total: results,
) -> dict[str, Any]:
    """Evaluate a scorer on the test split of each set.

    Image metrics are those of one score per input; pixel metrics (for volumes voxel metrics, for clouds point metrics)
    pool the pixels of all normal samples and of all anomalous samples whose place is known, as the field does.
    The mean is the unweighted one over the sets. Intervals are 95 % percentile bootstraps over patients or objects.

    Parameters
    ----------
    sets : sequence of EvaluationSet
        Sets of one name differ in which references were drawn: their figures are averaged in one row.
    scorer_for : callable
        Opens the scorer of a set, which may look at the set's references.
    run : mapping, optional
        What the scores depend on, JSON-serialisable; a checkpoint of another run is refused.
    whole_sets : bool
        The score of an input depends on the others of its set (mutual scoring), so that a set that was
        stopped half-way starts again.
    resume_file : Path, optional
        Progress is kept here and taken up from here.
    pixel_side : int
        See :func:`looktwice.evaluation.truth.align`.
    seed, replicates : int
        Of the bootstrap.
    follow : callable
        Wraps the results of a set, given its name and the number of results, to show progress.

    Returns
    -------
    dict
        ``{"sets": [...], "mean": {...}}``; each set has ``name, dataset, n_normal, n_anomalous``, the metrics
        (None where they cannot be computed), ``ci95``, ``threshold``, ``trivial``, ``left_out``, ``notes``; beside
        references ``draws``, the figures of each draw of them.

    Raises
    ------
    UsageError
        `resume_file` belongs to another run.
    """
    fingerprint = {
        **(run or {}),
        "pixel_side": pixel_side,
        "sets": {one.key: _digest([*map(_key, one.test), "references", *map(str, one.references)]) for one in sets},
    }
    checkpoint = Checkpoint(resume_file, fingerprint)
    summaries: dict[str, list[Summary]] = {}
    for chosen in sets:
        start = time.perf_counter()
        scorer = scorer_for(chosen)
        known = _score(chosen, scorer, checkpoint, whole_sets, pixel_side, follow)
        row, samples = _summarise(chosen, known, scorer.threshold, seed, replicates)
        row["seconds"] = time.perf_counter() - start
        summaries.setdefault(chosen.name, []).append((chosen.draw, row, samples))
    merged = [_one_row(own) for own in summaries.values()]
    rows = [row for row, _ in merged]
    return {"sets": rows, "mean": _mean(rows, [samples for _, samples in merged])}


def _one_row(summaries: Sequence[Summary]) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Return the row of a set and its replicates, averaged over draws of references where these were drawn."""
    draws, rows, drawn = zip(*summaries, strict=True)
    if None in draws:
        return rows[0], drawn[0]
    return average_draws(draws, rows, drawn, AVERAGED)


def _score(
    chosen: EvaluationSet,
    scorer: Scorer,
    checkpoint: Checkpoint,
    whole_sets: bool,
    pixel_side: int,
    follow: Follow,
) -> Progress:
    """Score what is not scored yet, batch by batch."""
    known = checkpoint.progress(chosen.key)
    done = {record["sample"] for record in known.records}
    pending = [sample for sample in chosen.test if _key(sample) not in done]
    if not pending:
        return known
    with closing(_results(scorer, pending)) as results:
        batch, written = Progress(), time.monotonic()
        for sample, scored in zip(pending, follow(results, chosen.key, len(pending)), strict=True):
            batch.records.append(_record(sample, scored, batch.pixels, pixel_side))
            due = len(batch.records) == BATCH or time.monotonic() - written > BATCH_SECONDS
            # A set that counts only as a whole is written as one batch.
            if due and not whole_sets:
                checkpoint.write(chosen.key, batch)
                _extend(known, batch)
                batch, written = Progress(), time.monotonic()
    checkpoint.write(chosen.key, batch)
    _extend(known, batch)
    return known


def _results(scorer: Scorer, samples: Sequence[Sample]) -> Generator[ScoredInput, None, None]:
    yield from scorer.score([sample.path for sample in samples])


def _extend(known: Progress, batch: Progress) -> None:
    known.records += batch.records
    known.pixels.merge(batch.pixels)


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _key(sample: Sample) -> str:
    return str(sample.path.absolute())


def _record(sample: Sample, scored: ScoredInput, pixels: PixelHistograms, pixel_side: int) -> dict[str, Any]:
    """Say what became of one sample; its pixels are added to `pixels`."""
    record: dict[str, Any] = {"sample": _key(sample)}
    error = scored.error
    if error is None and not 0.0 <= scored.score <= 1.0:
        error = f"its score {scored.score} is not in [0, 1]"
    if error is not None:
        return {**record, "error": error}
    record |= {"score": float(scored.score), "pixels": False}
    try:
        size = _size(sample, scored)
        record["trivial"] = measure_shortcuts(sample.path, size, _picture(sample, scored))
        pair = None if scored.heatmap is None else align(sample, scored.heatmap, size, pixel_side)
        if pair is not None:
            pixels.add(*pair, scored.points)
            record["pixels"] = True
    except InputError as problem:
        record["mask_error"] = str(problem)
    return record


def _size(sample: Sample, scored: ScoredInput) -> tuple[int, ...]:
    if is_picture(sample.path, scored.heatmap):
        return image_size(sample.path) if scored.picture is None else scored.picture.shape[:2]
    return () if scored.heatmap is None else scored.heatmap.shape


def _picture(sample: Sample, scored: ScoredInput) -> Any:
    if scored.picture is not None or not is_picture(sample.path, scored.heatmap):
        return scored.picture
    return read_picture(sample.path)


def _summarise(
    chosen: EvaluationSet, known: Progress, threshold: float, seed: int, replicates: int
) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    """Turn the records of one set into its row, and the bootstrap replicates behind its intervals."""
    samples = {_key(sample): sample for sample in chosen.test}
    usable = [record for record in known.records if "error" not in record]
    labels = [samples[record["sample"]].label for record in usable]
    scores = [record["score"] for record in usable]
    groups = [_group(samples[record["sample"]]) for record in usable]
    # Sets are drawn independently of each other, so that the interval of their mean is right.
    own_seed = (seed, zlib.crc32(chosen.name.encode()))
    drawn = image_replicates(labels, scores, groups, seed=own_seed, replicates=replicates)
    located = [group for group, record in zip(groups, usable, strict=True) if record["pixels"]]
    drawn |= known.pixels.intervals(located, seed=own_seed, replicates=replicates)
    row = {
        "name": chosen.name,
        "dataset": chosen.dataset,
        "n_normal": labels.count(0),
        "n_anomalous": labels.count(1),
        **image_metrics(labels, scores),
        **known.pixels.metrics(),
        "ci95": {name: bootstrap.interval(values) for name, values in drawn.items()},
        "balanced_accuracy": balanced_accuracy(labels, scores, threshold),
        "threshold": threshold,
        "ece": expected_calibration_error(labels, scores),
        "trivial": shortcut_aurocs(labels, [record.get("trivial", {}) for record in usable]),
        "pixel_auroc_error": known.pixels.auroc_error(),
        "n_with_pixels": len(located),
        "left_out": [entry for record in known.records for entry in _left_out(samples[record["sample"]], record)],
        "notes": [*chosen.notes, *_notes(labels, known)],
    }
    return row, drawn


def _group(sample: Sample) -> str:
    """Name the patient or object that a sample shows; without one, the sample stands for itself."""
    return _key(sample) if sample.patient is None else f"patient {sample.patient}"


def _left_out(sample: Sample, record: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    if "error" in record:
        yield {"input": str(sample.path), "error": record["error"], "of": "all metrics"}
    elif "mask_error" in record:
        yield {"input": str(sample.path), "error": record["mask_error"], "of": "pixel metrics"}


def _notes(labels: Sequence[int], known: Progress) -> Iterator[str]:
    if not labels:
        yield "no sample could be scored"
        return
    for label, word in ((0, "normal"), (1, "anomalous")):
        if label not in labels:
            yield f"no {word} sample: image AUROC, AP, F1-max and balanced accuracy cannot be computed"
    if known.pixels.samples and not known.pixels.anomalous.any():
        yield "no mask of an anomaly: pixel metrics cannot be computed"


def _mean(rows: Sequence[Mapping[str, Any]], drawn: Sequence[Mapping[str, FloatArray]]) -> dict[str, Any]:
    """Average over sets; sets are independent, so the replicates of a mean are the means of their replicates."""
    intervals = {}
    for name in dict.fromkeys(name for samples in drawn for name in samples):
        stacked = np.stack([samples[name] for samples in drawn if name in samples])
        intervals[name] = bootstrap.interval(stacked.mean(axis=0))
    counted = {name: sum(row[name] is not None for row in rows) for name in ("image_auroc", "pixel_auroc")}
    draws = mean_by_draw(rows, AVERAGED)
    mean = {**macro(rows, AVERAGED), "ci95": intervals, "sets_averaged": counted}
    return {**mean, "draws": draws} if draws else mean
