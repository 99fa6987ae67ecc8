"""Labelled examples: a folder with one subfolder for each class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from looktwice.classification.anomaly import Anomaly, Detection
from looktwice.classification.taxonomy import Taxonomy
from looktwice.core.errors import InputError, UsageError
from looktwice.core.result import Failure
from looktwice.datasets.files import MASKS, bare, by_stem, listed, stem, subfolders
from looktwice.datasets.masks import read_mask
from looktwice.evidence.comparisons.learned_flaws import OutlinedExample
from looktwice.reasoning.base import StudyContext


def find_examples(folder: Path, taxonomy: Taxonomy) -> dict[str, list[tuple[Path, Path | None]]]:
    """List the examples in a folder ``DIR/<class>/<name>.png``, with masks ``<name>_mask.png`` beside them if any.

    Returns
    -------
    dict
        Class key to (input, mask or None).

    Raises
    ------
    UsageError
        No such folder, no example in it, or a subfolder that is no class.
    """
    try:
        folders = subfolders(folder)
    except InputError as error:
        raise UsageError(str(error)) from error
    if not folders:
        raise UsageError(f"{folder} contains no examples; expected {folder}/<class>/<image>")
    found: dict[str, list[tuple[Path, Path | None]]] = {}
    for one in folders:
        key = taxonomy.key_of(one.name)
        if key is None:
            raise UsageError(f"{one} is not a class of the taxonomy; its classes are {', '.join(taxonomy.classes)}")
        masks = by_stem(path for path in listed(one, MASKS) if bare(stem(path)) != stem(path))
        taken = set(masks.values())
        inputs = [path for path in listed(one) if path not in taken]
        found[key] = [(path, masks.get(stem(path))) for path in inputs]
    if not any(found.values()):
        raise UsageError(f"the subfolders of {folder} contain no images, volumes or clouds")
    return found


class Examiner(Protocol):
    """What examines inputs: an ``Inspector``."""

    @property
    def map_threshold(self) -> float:
        """Where maps are cut into regions."""

    def examine(self, sources: Iterable[Any]) -> Iterator[StudyContext | Failure]:
        """Yield what was found in each input, in order."""
        ...


def examine_examples(
    examiner: Examiner, examples: Mapping[str, Sequence[tuple[Path, Path | None]]]
) -> tuple[dict[str, list[Anomaly]], list[OutlinedExample], list[str]]:
    """Find the region of each example: by its mask, else where detection sees it.

    Parameters
    ----------
    examiner : Examiner
    examples : mapping of class key to sequence of (input, mask or None)

    Returns
    -------
    anomalies : dict of class key to list of Anomaly
        For a namer to learn from.
    outlined : list of OutlinedExample
        Those with a mask, for detection to learn from.
    problems : list of str
        One line for each example that cannot be used.
    """
    anomalies: dict[str, list[Anomaly]] = {}
    outlined = []
    problems = []
    listed = [(key, *entry) for key, entries in examples.items() for entry in entries]
    examined = examiner.examine([path for _, path, _ in listed])
    for (key, _, mask), one in zip(listed, examined, strict=True):
        try:
            if isinstance(one, Failure):
                raise one.reason
            truth = None if mask is None else read_mask(mask)
            # An example is known to show something, however faint: whatever stands out most in it counts.
            found = Detection.of(one, examiner.map_threshold).anomaly(truth, certain=True)
        except InputError as error:
            problems.append(f"example of {key}: {error}")
            continue
        if found is None:
            continue
        anomalies.setdefault(key, []).append(replace(found, facts={}))
        if truth is not None:
            outlined.append(OutlinedExample(found.views[0].image, truth, key))
    return anomalies, outlined, problems
