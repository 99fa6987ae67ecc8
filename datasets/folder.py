"""Plain folders in the MVTec AD layout: pictures, volumes or clouds.

A category is a folder ``{train/good, test/good, test/<defect>, ground_truth/<defect>/<name>_mask.png}``; a folder that
holds categories, at any depth up to four, is a benchmark too. Volumes (``.nii.gz``) have masks ``<name>_mask.nii.gz``
on the same grid, clouds (``.ply``) have ``<name>_mask.txt`` or ``.npy`` with one 0 or 1 per point. The ``_mask`` may be
left out, and a mask whose name has it may also lie beside its input in ``test/<defect>``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from looktwice.core.errors import InputError
from looktwice.datasets.files import INPUTS, MASKS, bare, by_stem, listed, stem, subfolders
from looktwice.datasets.sample import GOOD, Sample, Split

MAX_DEPTH = 4
LAYOUT = "<category>/{train/good, test/good, test/<defect>, ground_truth/<defect>/<name>_mask.png}"

_SUBJECT = re.compile(r"(sub-[A-Za-z0-9]+)")


@dataclass(frozen=True)
class FolderDataset:
    """A benchmark read from disk.

    Attributes
    ----------
    name : str
    root : Path
    problems : list of str
        What a user should know before trusting figures from it: one class only, masks missing.

    Examples
    --------
    >>> crack = Sample(Path("1.png"), 1, None, "tile", "crack", "test", None, "mine")
    >>> dataset = FolderDataset("mine", Path("mine"), [crack])
    >>> dataset.categories, [sample.defect for sample in dataset.samples()]
    (['tile'], ['crack'])
    """

    name: str
    root: Path
    _samples: list[Sample] = field(repr=False)
    problems: list[str] = field(default_factory=list)

    @property
    def categories(self) -> list[str]:
        """Names of the categories, in the order of the samples."""
        return list(dict.fromkeys(sample.category for sample in self._samples))

    def samples(self) -> list[Sample]:
        """Return all samples, category by category, train before test, sorted by defect and file name."""
        return list(self._samples)


def open_folder(path: Path | str, name: str | None = None) -> FolderDataset:
    """Open a category, or a folder of categories, in the MVTec AD layout.

    Parameters
    ----------
    path : Path or str
    name : str, optional
        Name of the dataset; by default the folder's own.

    Raises
    ------
    InputError
        There is no such folder, or nothing in it is laid out as a benchmark.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from looktwice.datasets import open_folder
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("test/good/0.png", "test/crack/1.png", "ground_truth/crack/1_mask.png"):
    ...     (root / "tile" / name).parent.mkdir(parents=True)
    ...     (root / "tile" / name).touch()
    >>> dataset = open_folder(root)
    >>> [(sample.category, sample.defect, sample.label) for sample in dataset.samples()]
    [('tile', 'crack', 1), ('tile', 'good', 0)]
    >>> dataset.problems
    []
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"{root} is not a folder; expected a benchmark folder with {LAYOUT}")
    name = name or root.resolve().name
    folders = find_categories(root)
    samples: list[Sample] = []
    problems: list[str] = []
    for folder, category in zip(folders, _category_names(root, folders), strict=True):
        found = read_category(folder, category, name)
        samples += found
        problems += find_problems(found, category)
    if not samples:
        raise InputError(f"{root} is not a benchmark: it has no images, volumes or clouds in the layout {LAYOUT}")
    return FolderDataset(name, root, samples, problems)


def find_categories(root: Path, depth: int = MAX_DEPTH, normal: str = GOOD) -> list[Path]:
    """Return the folders at or below `root` that hold ``test/<defect>`` or ``train/good``, sorted by path."""
    if subfolders(root / "test") or (root / "train" / normal).is_dir():
        return [root]
    if depth == 0:
        return []
    return [found for folder in subfolders(root) for found in find_categories(folder, depth - 1, normal)]


def _category_names(root: Path, folders: list[Path]) -> list[str]:
    """Name each category by its folder, or by its path below `root` where two folders share a name."""
    count = Counter(folder.resolve().name for folder in folders)
    return [
        name if count[name := folder.resolve().name] == 1 else folder.relative_to(root).as_posix() for folder in folders
    ]


def read_category(folder: Path, category: str, dataset: str, normal: str = GOOD) -> list[Sample]:
    """Read one category folder; ``train/good`` alone is training material, as in MVTec AD.

    `normal` is what the benchmark calls the folder of normal samples.
    """
    samples = [_sample(path, GOOD, "train", {}, category, dataset) for path in listed(folder / "train" / normal)]
    for defects in subfolders(folder / "test"):
        defect = GOOD if defects.name == normal else defects.name
        files = listed(defects)
        names = {stem(path) for path in files}
        beside = [path for path in listed(defects, MASKS) if bare(stem(path)) != stem(path)]
        beside = [path for path in beside if bare(stem(path)) in names]
        masks = by_stem(beside) | by_stem(listed(folder / "ground_truth" / defects.name, MASKS))
        samples += [
            _sample(path, defect, "test", masks, category, dataset) for path in files if path not in set(beside)
        ]
    return samples


def _sample(path: Path, defect: str, split: Split, masks: dict[str, Path], category: str, dataset: str) -> Sample:
    subject = _SUBJECT.match(path.name)
    return Sample(
        path=path,
        label=int(defect != GOOD),
        mask=masks.get(stem(path)) if defect != GOOD else None,
        category=category,
        defect=defect,
        split=split,
        patient=subject.group(1) if subject else None,
        dataset=dataset,
    )


def find_problems(samples: list[Sample], category: str) -> list[str]:
    """Say what stands in the way of figures from one category: nothing to test, one class only, masks missing."""
    test = [sample for sample in samples if sample.split == "test"]
    if not samples:
        return [f"{category}: no {', '.join(INPUTS)} files"]
    if not test:
        return [f"{category}: nothing in test/, so that nothing can be evaluated"]
    problems = []
    for label, word in ((0, "normal"), (1, "anomalous")):
        if all(sample.label != label for sample in test):
            problems.append(f"{category}: no {word} sample in test/, image AUROC cannot be computed")
    anomalous = [sample for sample in test if sample.label == 1]
    missing = [sample for sample in anomalous if sample.mask is None]
    if anomalous and len(missing) == len(anomalous):
        problems.append(f"{category}: no masks, pixel metrics cannot be computed")
    else:
        problems += [f"{category}: no mask for {s.defect}/{s.path.name}" for s in missing]
    return problems
