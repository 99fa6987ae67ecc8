"""The published benchmarks by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from looktwice.core.discovery import Part, find_part, find_parts
from looktwice.core.errors import InputError, UsageError
from looktwice.datasets.card import Card, Content
from looktwice.datasets.folder import FolderDataset, find_problems
from looktwice.datasets.question import Question
from looktwice.datasets.sample import Sample

if TYPE_CHECKING:
    from looktwice.datasets.instruct import Record

_ROOM, _MARKER = "datasets.readers", "CARD"


@dataclass(frozen=True)
class Benchmark:
    """A card, and the function that reads what it describes from a folder.

    Examples
    --------
    >>> benchmark = find_benchmark("elpv")
    >>> benchmark.card.domain, benchmark.card.content
    ('industrial', 'samples')
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.csv").write_text("images/cell0001.png 1.0 mono")
    ...     samples = benchmark.read(Path(folder))
    >>> [(sample.category, sample.defect) for sample in samples]
    [('mono', 'defective')]
    """

    card: Card
    read: Callable[[Path], list[Any]]


def list_cards() -> list[Card]:
    """Return the cards of all benchmarks, in the order of their names.

    Examples
    --------
    >>> from looktwice.datasets.readers.registry import list_cards
    >>> [card.name for card in list_cards() if card.content == "questions"]
    ['mmad', 'visa-dr']
    """
    return [_load(part).card for part in find_parts(_ROOM, _MARKER).values()]


def find_benchmark(name: str, content: Content | None = None) -> Benchmark:
    """Return the benchmark called `name`.

    Raises
    ------
    UsageError
        There is none, or it does not hold `content`.

    Examples
    --------
    >>> from looktwice.datasets.readers.registry import find_benchmark
    >>> find_benchmark("elpv").card.title
    'ELPV'
    """
    found = _load(find_part(_ROOM, _MARKER, name, "benchmark"))
    if content is not None and found.card.content != content:
        raise UsageError(f"{name} contains {found.card.content}, not {content}")
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
    root = _folder(path)
    samples: list[Sample] = benchmark.read(root)
    if not samples:
        raise InputError(f"{root} contains no sample of {benchmark.card.title}; expected {benchmark.card.layout}")
    by_category: dict[str, list[Sample]] = {}
    for sample in samples:
        by_category.setdefault(sample.category, []).append(sample)
    problems = [line for category, members in by_category.items() for line in find_problems(members, category)]
    return FolderDataset(name, root, samples, problems)


def open_questions(name: str, path: Path | str) -> list[Question]:
    """Read a benchmark's questions; errors are those of :func:`open_benchmark`."""
    return find_benchmark(name, "questions").read(_folder(path))


def open_records(name: str, path: Path | str) -> list[Record]:
    """Read all conversations of an instruction set: one JSON file, or every one in a folder."""
    return find_benchmark(name, "records").read(Path(path))


def _load(part: Part) -> Benchmark:
    module = part.load()
    if module.CARD.name != part.name:
        raise UsageError(f"{part.path}: the benchmark is called {part.name!r}, but its card says {module.CARD.name!r}")
    return Benchmark(module.CARD, module.read)


def _folder(path: Path | str) -> Path:
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"{root} is not a folder")
    return root
