"""All benchmarks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from looktwice.core.errors import InputError, UsageError
from looktwice.datasets.files import listed
from looktwice.datasets.folder import FolderDataset, find_problems
from looktwice.datasets.instruct import Record, read_records
from looktwice.datasets.readers.aitex import read_aitex
from looktwice.datasets.readers.bmad import read_bmad
from looktwice.datasets.readers.card import Card, Content
from looktwice.datasets.readers.cards import CARDS
from looktwice.datasets.readers.elpv import read_elpv
from looktwice.datasets.readers.eyecandies import read_eyecandies
from looktwice.datasets.readers.head_slices import read_head_ct, read_yes_no
from looktwice.datasets.readers.kolektor import read_kolektor
from looktwice.datasets.readers.labelled_clouds import read_labelled_clouds
from looktwice.datasets.readers.mvtec import read_btad, read_mvtec
from looktwice.datasets.readers.mvtec_3d import read_mvtec_3d
from looktwice.datasets.readers.questions import Question, read_mmad, read_visa_dr
from looktwice.datasets.readers.real_iad import read_real_iad
from looktwice.datasets.readers.visa import read_visa
from looktwice.datasets.sample import Sample

SampleReader = Callable[[Path, Card], list[Sample]]
QuestionReader = Callable[[Path, Card], list[Question]]


@dataclass(frozen=True)
class Benchmark:
    """A card and the function that reads what it describes."""

    card: Card
    samples: SampleReader | None = None
    questions: QuestionReader | None = None


_SAMPLES: dict[str, SampleReader] = {
    "mvtec-ad": read_mvtec,
    "visa": read_visa,
    "mpdd": read_mvtec,
    "btad": read_btad,
    "elpv": read_elpv,
    "aitex": read_aitex,
    "kolektor-sdd": read_kolektor,
    "real-iad": read_real_iad,
    "mvtec-ac": read_mvtec,
    "visa-ac": read_mvtec,
    "mvtec-3d-ad": read_mvtec_3d,
    "eyecandies": read_eyecandies,
    "real3d-ad": read_labelled_clouds,
    "anomaly-shapenet": read_labelled_clouds,
    "bmad-brain-mri": partial(read_bmad, defect="tumour", by_patient=True),
    "bmad-liver-ct": partial(read_bmad, defect="tumour"),
    "bmad-retina-resc": partial(read_bmad, defect="oedema"),
    "bmad-retina-oct2017": read_bmad,
    "bmad-chest-xray": partial(read_bmad, defect="pneumonia"),
    "bmad-histopathology": partial(read_bmad, defect="metastasis"),
    "brainmri": read_yes_no,
    "headct": read_head_ct,
    "br35h": partial(read_yes_no, copies=True),
}
_QUESTIONS: dict[str, QuestionReader] = {"mmad": read_mmad, "visa-dr": read_visa_dr}

BENCHMARKS = {card.name: Benchmark(card, _SAMPLES.get(card.name), _QUESTIONS.get(card.name)) for card in CARDS}
"""Every benchmark by the name on its card."""


def find_benchmark(name: str, content: Content | None = None) -> Benchmark:
    """Return the benchmark called `name`.

    Raises
    ------
    UsageError
        There is none, or it does not hold `content`.
    """
    if name not in BENCHMARKS:
        raise UsageError(f"there is no benchmark {name!r}; `looktwice datasets list` shows those there are")
    found = BENCHMARKS[name]
    if content is not None and found.card.content != content:
        raise UsageError(f"{name} holds {found.card.content}, not {content}")
    return found


def open_benchmark(name: str, path: Path | str) -> FolderDataset:
    """Read a published benchmark's samples from where it was unpacked.

    Raises
    ------
    UsageError
        There is no such benchmark, or it has questions or records and no samples.
    InputError
        `path` is not laid out as the benchmark's card says.
    """
    benchmark = find_benchmark(name, "samples")
    assert benchmark.samples is not None
    root = _folder(path)
    samples = benchmark.samples(root, benchmark.card)
    if not samples:
        raise InputError(f"{root} holds no sample of {benchmark.card.title}; expected {benchmark.card.layout}")
    by_category: dict[str, list[Sample]] = {}
    for sample in samples:
        by_category.setdefault(sample.category, []).append(sample)
    problems = [line for category, members in by_category.items() for line in find_problems(members, category)]
    return FolderDataset(name, root, samples, problems)


def open_questions(name: str, path: Path | str) -> list[Question]:
    """Read a benchmark's questions; errors are those of :func:`open_benchmark`."""
    benchmark = find_benchmark(name, "questions")
    assert benchmark.questions is not None
    return benchmark.questions(_folder(path), benchmark.card)


def open_records(name: str, path: Path | str) -> list[Record]:
    """Read all conversations of an instruction set: one JSON file, or every one in a folder."""
    find_benchmark(name, "records")
    root = Path(path)
    files = listed(root, (".json",)) if root.is_dir() else [root]
    if not files:
        raise InputError(f"{root} holds no .json file with conversations")
    return [record for file in files for record in read_records(file)]


def _folder(path: Path | str) -> Path:
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"{root} is no folder")
    return root
