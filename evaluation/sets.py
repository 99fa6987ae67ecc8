"""Which samples are evaluated together: one category of a benchmark at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from looktwice.core.errors import InputError
from looktwice.datasets.folder import FolderDataset, open_folder
from looktwice.datasets.readers.registry import open_benchmark
from looktwice.datasets.sample import Sample


@dataclass(frozen=True)
class EvaluationSet:
    """The test samples of one category, and normal ones to refer to.

    Attributes
    ----------
    name : str
        Unique among the sets of a run.
    dataset : str
        Benchmark that the category belongs to; what ``--leave-out`` leaves out of training.
    samples : sequence of Sample
        All samples of the category; those of the test split are evaluated.
    references : tuple of Path
        Normal inputs that the scorer may look at; none when each input stands alone.
    draw : int, optional
        Seed by which the references were drawn.
    notes : tuple of str
        What a reader of the figures must know about how the set was put together.

    Examples
    --------
    >>> good = [Sample(Path(f"{n}.png"), 0, None, "tile", "good", "train", None, "mine") for n in range(3)]
    >>> crack = Sample(Path("crack.png"), 1, None, "tile", "crack", "test", None, "mine")
    >>> drawn = draw_references(EvaluationSet("tile", "mine", [*good, crack]), 2, seed=1)
    >>> len(drawn.references), [sample.defect for sample in drawn.test], drawn.key
    (2, ['crack'], 'tile, draw 1')
    """

    name: str
    dataset: str
    samples: Sequence[Sample]
    references: tuple[Path, ...] = ()
    draw: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Unique in a run that shows a set beside several draws of references."""
        return self.name if self.draw is None else f"{self.name}, draw {self.draw}"

    @property
    def test(self) -> list[Sample]:
        """The samples that are scored."""
        return [sample for sample in self.samples if sample.split == "test"]


def open_sets(paths: Sequence[Path | str]) -> tuple[list[EvaluationSet], dict[str, str]]:
    """Open benchmarks; every category becomes a set.

    Parameters
    ----------
    paths : sequence of Path
        Each a folder in the MVTec AD layout, of one category or of several, or ``NAME=FOLDER``: a published benchmark
        (``looktwice datasets list``) as its owner lays it out.

    Returns
    -------
    sets : list of EvaluationSet
        Named by category, or ``dataset/category`` where a name would appear twice.
    problems : dict
        Folder to what is wrong with it, for folders that are no benchmark.
    """
    sets: list[EvaluationSet] = []
    problems: dict[str, str] = {}
    for path in paths:
        try:
            dataset = _open(path)
        except InputError as error:
            problems[str(path)] = str(error)
            continue
        by_category: dict[str, list[Sample]] = {}
        for sample in dataset.samples():
            by_category.setdefault(sample.category, []).append(sample)
        sets += [EvaluationSet(name, dataset.name, samples) for name, samples in by_category.items()]
    clashes = {name for name, count in Counter(one.name for one in sets).items() if count > 1}
    return [replace(one, name=f"{one.dataset}/{one.name}") if one.name in clashes else one for one in sets], problems


def _open(path: Path | str) -> FolderDataset:
    name, separator, folder = str(path).partition("=")
    if separator and not Path(path).exists():
        return open_benchmark(name, folder)
    return open_folder(path)


def draw_most(chosen: EvaluationSet, most: int, *, seed: int = 0) -> EvaluationSet:
    """Keep at most so many normal and so many anomalous test samples, drawn by the seed; a note says so."""
    kept: set[Path] = set()
    for label in (0, 1):
        paths = sorted((sample.path for sample in chosen.test if sample.label == label), key=str)
        if len(paths) > most:
            paths = [paths[index] for index in np.random.default_rng(seed).choice(len(paths), most, replace=False)]
        kept.update(paths)
    samples = [sample for sample in chosen.samples if sample.split != "test" or sample.path in kept]
    if len(samples) == len(chosen.samples):
        return chosen
    note = f"at most {most} test inputs of each kind, drawn by seed {seed}"
    return replace(chosen, samples=samples, notes=(*chosen.notes, note))


def draw_references(chosen: EvaluationSet, count: int, *, seed: int = 0) -> EvaluationSet:
    """Draw `count` normal references from ``train/good``.

    A category without training material gives them from ``test/good``; these are then not evaluated, and a note
    says so. The draw depends on nothing but the seed and the sorted file names.

    Raises
    ------
    InputError
        There are not enough normal samples.
    """
    normal = sorted((sample for sample in chosen.samples if sample.label == 0), key=lambda sample: str(sample.path))
    train = [sample for sample in normal if sample.split == "train"]
    pool = train or [sample for sample in normal if sample.split == "test"]
    if len(pool) < count or (not train and len(pool) == count):
        raise InputError(f"{chosen.name}: {len(pool)} normal samples are too few to draw {count} references")
    drawn = [pool[index] for index in sorted(np.random.default_rng(seed).choice(len(pool), count, replace=False))]
    references = tuple(sample.path for sample in drawn)
    if train:
        return replace(chosen, references=references, draw=seed)
    rest = [sample for sample in chosen.samples if sample.path not in set(references)]
    note = f"no train/good: {count} references drawn from test/good, which are not evaluated"
    return replace(chosen, samples=rest, references=references, draw=seed, notes=(*chosen.notes, note))
