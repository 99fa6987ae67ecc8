"""One labelled input of a benchmark, and what a benchmark is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Split = Literal["train", "test"]

GOOD = "good"
"""The defect type of a normal sample, as MVTec AD names it."""


@dataclass(frozen=True)
class Sample:
    """One labelled input.

    Attributes
    ----------
    path : Path
        The picture, volume or cloud.
    label : {0, 1}
        0 normal, 1 anomalous.
    mask : Path or None
        Where the anomaly is, on the grid of the input; read it with ``masks.load_mask``. None for a normal
        sample, and where the benchmark does not say.
    category : str
        The kind of thing shown ("bottle", "brain_mri"); results are averaged over categories.
    defect : str
        The kind of anomaly, ``"good"`` for a normal sample.
    split : {"train", "test"}
    patient : str or None
        Whoever or whatever several samples show (a patient, one physical part), where the benchmark says;
        no two splits may share one.
    dataset : str
        Name of the benchmark.
    more_masks : tuple of Path
        Further masks of the same input, united with `mask` (AITEX draws each defect in a file of its own).

    Examples
    --------
    >>> from pathlib import Path
    >>> from looktwice.datasets import GOOD, Sample
    >>> sample = Sample(Path("001.png"), 1, Path("001_mask.png"), "bottle", "crack", "test", None, "mine")
    >>> sample.defect == GOOD
    False
    """

    path: Path
    label: int
    mask: Path | None
    category: str
    defect: str
    split: Split
    patient: str | None
    dataset: str
    more_masks: tuple[Path, ...] = ()


class Dataset(Protocol):
    """What every reader gives."""

    name: str

    def samples(self) -> Sequence[Sample]:
        """Return all samples in a stable order."""
        ...
