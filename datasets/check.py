"""Whether a copy of a benchmark is whole: files readable, masks fitting, nothing twice, no patient in two splits."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from looktwice.core.errors import InputError
from looktwice.datasets.files import CLOUDS, VOLUMES, suffix
from looktwice.datasets.folder import FolderDataset, open_folder
from looktwice.datasets.hashing import content_hash
from looktwice.datasets.masks import load_mask
from looktwice.datasets.question import Question
from looktwice.datasets.readers.registry import find_benchmark, open_benchmark, open_questions, open_records
from looktwice.datasets.sample import Sample

Track = Callable[[Sequence[Sample]], Iterable[Sample]]


@dataclass
class CheckReport:
    """What was found in one copy.

    Attributes
    ----------
    name, path
    counts : dict
        Category to the number of samples by ``train``, ``normal``, ``anomalous`` (of the test part) and ``masks``;
        for questions, kind to number.
    problems : list of str
        What must be mended, each with the file that it is about.
    notes : list of str
        What the set does not have, and figures therefore lack.

    Examples
    --------
    >>> report = check_records("mine", Path("photographs"), ["web/1.jpg"], number=1)
    >>> report.counts
    {'conversations': {'records': 1}}
    >>> report.problems
    ['web/1.jpg: does not exist']
    """

    name: str
    path: Path
    counts: dict[str, dict[str, int]]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the report as one JSON object."""
        return {
            "name": self.name,
            "path": str(self.path),
            "counts": self.counts,
            "problems": self.problems,
            "notes": self.notes,
        }


def check_copy(name: str, path: Path, track: Track = iter) -> CheckReport:
    """Check a copy of a published benchmark, or of a plain folder (`name` is then ``"folder"``).

    Raises
    ------
    UsageError
        There is no such benchmark.
    InputError
        The folder is not laid out as the benchmark is.
    """
    if name == "folder":
        return check_samples(open_folder(path), track)
    content = find_benchmark(name).card.content
    if content == "questions":
        return check_questions(name, path, open_questions(name, path))
    if content == "records":
        records = open_records(name, path)
        return check_records(name, path, [image for record in records for image in record.image], len(records))
    return check_samples(open_benchmark(name, path), track)


def check_samples(dataset: FolderDataset, track: Track = iter) -> CheckReport:
    """Open every file of a benchmark and compare them with each other.

    Parameters
    ----------
    dataset : FolderDataset
    track : callable, optional
        Wraps the samples as they are opened, to show progress.
    """
    samples = dataset.samples()
    # Whatever the reader reports is lost to figures, but not damage: the published set itself may be so.
    missing = [line for line in dataset.problems if ": no mask for " in line]
    report = CheckReport(dataset.name, dataset.root, count(samples), missing)
    report.notes = [line for line in dataset.problems if line not in missing]
    hashes: dict[str, list[Sample]] = defaultdict(list)
    for sample in track(samples):
        problem, digest = check_sample(sample, dataset.root)
        if problem:
            report.problems.append(problem)
        if digest:
            hashes[digest].append(sample)
    report.problems += find_copies(hashes.values(), dataset.root)
    report.problems += find_shared_patients(samples)
    return report


def count(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """Count the samples of each category."""
    table: dict[str, Counter[str]] = {}
    for sample in samples:
        row = table.setdefault(sample.category, Counter(train=0, normal=0, anomalous=0, masks=0))
        row["train" if sample.split == "train" else "anomalous" if sample.label else "normal"] += 1
        row["masks"] += sample.mask is not None
    return {category: dict(row) for category, row in table.items()}


def check_sample(sample: Sample, root: Path) -> tuple[str | None, str | None]:
    """Read one sample with its mask.

    Returns
    -------
    problem : str or None
    digest : str or None
        Of the file's content; None where it could not be read.
    """
    name = _short(sample.path, root)
    if not sample.path.is_file():
        return f"{name}: does not exist", None
    try:
        digest = content_hash(sample.path)
        shape = read_shape(sample.path)
        mask = load_mask(sample, shape)
    except InputError as error:
        return f"{name}: {error}", None
    if mask is not None and sample.label == 1 and not mask.any():
        return f"{name}: is anomalous, and its mask is empty", digest
    return None, digest


def read_shape(path: Path) -> tuple[int, ...]:
    """Decode a whole input and return its grid: (H, W) pixels, (I, J, K) voxels or (P,) points.

    An organised scan (a TIFF of x, y, z) is a grid of points, (H, W).

    Raises
    ------
    InputError
        The file cannot be read to its end.
    """
    ending = suffix(path)
    try:
        if ending in VOLUMES:
            import nibabel as nib

            return tuple(np.asanyarray(nib.Nifti1Image.from_filename(path).dataobj).shape[:3])
        if ending in CLOUDS:
            from looktwice.modalities.pointclouds.reading import read_cloud  # kind: counts points

            return (len(read_cloud(path).points),)
        if ending in (".tif", ".tiff"):
            import tifffile

            rows, columns, *_ = tifffile.imread(path).shape
            return (rows, columns)
        from PIL import Image

        with Image.open(path) as picture:
            picture.load()
            return (picture.height, picture.width)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"cannot be read: {(str(error).splitlines() or [type(error).__name__])[0]}") from None


def find_copies(groups: Iterable[Sequence[Sample]], root: Path) -> list[str]:
    """Name files of one content, first those that are labelled both ways or lie in both splits.

    Samples that share a `patient` are known to belong together: copies among them are told in one line for all.
    """
    worst, other, known, distinct = [], [], 0, 0
    for group in groups:
        if len(group) < 2:
            distinct += 1
            continue
        names = ", ".join(_short(sample.path, root) for sample in group[:4]) + (", ..." if len(group) > 4 else "")
        if len({sample.label for sample in group}) > 1:
            worst.append(f"the same file as normal and as anomalous: {names}")
        elif len({sample.split for sample in group}) > 1:
            worst.append(f"the same file for training and for testing: {names}")
        elif group[0].patient is not None and len({sample.patient for sample in group}) == 1:
            known += len(group)
            distinct += 1
        else:
            other.append(f"the same file {len(group)} times: {names}")
    if known:
        other.append(f"{known} files are copies of each other: the set holds {distinct} distinct files")
    return worst + other


def find_shared_patients(samples: Sequence[Sample]) -> list[str]:
    """Name the patients (or parts) that training and testing share."""
    splits: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        if sample.patient is not None:
            splits[sample.patient].add(sample.split)
    shared = sorted(patient for patient, found in splits.items() if len(found) > 1)
    return [f"{patient} is in training and in testing" for patient in shared]


def check_questions(name: str, root: Path, questions: Sequence[Question]) -> CheckReport:
    """Check that every question has its pictures, and an answer among its options."""
    kinds = Counter(question.kind or "open" for question in questions)
    report = CheckReport(name, root, {kind: {"questions": number} for kind, number in sorted(kinds.items())})
    absent = {
        path
        for question in questions
        for path in (question.image, question.mask, *question.templates)
        if path is not None and not path.is_file()
    }
    report.problems = [f"{_short(path, root)}: does not exist" for path in sorted(absent)]
    for question in questions:
        if question.options and question.answer not in question.options:
            where = f"{_short(question.image, root)}, question {question.turn + 1}"
            report.problems.append(f"{where}: the answer {question.answer!r} is none of its options")
    return report


def check_records(name: str, root: Path, images: Iterable[str], number: int) -> CheckReport:
    """Check that the pictures named by conversations exist beside them."""
    report = CheckReport(name, root, {"conversations": {"records": number}})
    base = root if root.is_dir() else root.parent
    report.problems = [f"{image}: does not exist" for image in sorted(set(images)) if not (base / image).is_file()]
    return report


def _short(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)
