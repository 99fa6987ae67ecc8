"""Which images of which sets are tested, and beside which references: the same for every method.

``folds.yaml`` says which sets stand in which fold. Of each tested set at most 60 normal and 60 anomalous images are
used; draws 0, 1 and 2 take other references. References are normal images that are not tested; in a set with few normal
images, they are taken out of the tested ones of that draw.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from looktwice.datasets.folder import open_folder
from looktwice.datasets.sample import Sample

FOLDS = Path(__file__).with_name("folds.yaml")
MOST, DRAWS, REFERENCES = 60, 3, 8
# A set counts with so many normal images; fewer are never tested beside references that are not.
LEAST = 15


@dataclass(frozen=True)
class Draw:
    """One draw of a set.

    Attributes
    ----------
    references, normal : tuple of Path
    anomalous : tuple of Sample
    """

    references: tuple[Path, ...]
    normal: tuple[Path, ...]
    anomalous: tuple[Sample, ...]


@dataclass(frozen=True)
class TestedSet:
    """A set with its draws; the tested anomalies are the same in all of them.

    Attributes
    ----------
    name : str
    normal : tuple of Path
        Every normal image that is tested, alone and as a cohort.
    draws : tuple of Draw
    """

    name: str
    normal: tuple[Path, ...]
    draws: tuple[Draw, ...]

    @property
    def anomalous(self) -> tuple[Sample, ...]:
        """Its tested anomalies."""
        return self.draws[0].anomalous

    @property
    def paths(self) -> list[Path]:
        """Every image of any draw, once."""
        references = [path for draw in self.draws for path in draw.references]
        return list(dict.fromkeys([*self.normal, *references, *(sample.path for sample in self.anomalous)]))


def names_tested(folds: Sequence[str] | None = None) -> list[str]:
    """Return the sets that count in the tables: of some folds, or of all."""
    listed = yaml.safe_load(FOLDS.read_text())["folds"]
    return [name for fold in folds or listed for name in listed[fold]["tested"]]


def names_left_out(fold: str) -> list[str]:
    """Return every set of a fold: what an expert that is tested on it has not seen."""
    listed = yaml.safe_load(FOLDS.read_text())["folds"][fold]
    return [*listed["tested"], *listed["trained"]]


def draw_set(data: Path, name: str, most: int = MOST) -> TestedSet:
    """Draw the tested images of a set and its references; ``data`` holds the sets at any depth."""
    root = next(path.parent for path in sorted(data.glob(f"**/{name}/test")))
    samples = open_folder(root).samples()
    anomalous = _some([sample for sample in samples if sample.label == 1], most, 0)
    normal = _some([sample.path for sample in samples if sample.label == 0], len(samples), 0)
    spare = max(DRAWS * REFERENCES, len(normal) - most)
    tested = normal[spare:] if len(normal) >= spare + LEAST else normal
    others = normal[:spare] if len(normal) >= spare + LEAST else normal
    draws = []
    for seed in range(DRAWS):
        references = _some(others, REFERENCES, seed)
        left = [path for path in tested if path not in references]
        draws.append(Draw(tuple(references), tuple(left), tuple(anomalous)))
    return TestedSet(name, tuple(tested), tuple(draws))


def _some(items: Sequence, count: int, seed: int) -> list:
    return random.Random(seed).sample(list(items), min(count, len(items)))
