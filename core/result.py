"""The result of ``inspect`` and its JSON form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looktwice.core.answer import Answer
from looktwice.core.errors import InputError
from looktwice.core.finding import Finding
from looktwice.core.study import Modality, NativeMap, Region, View


@dataclass(frozen=True)
class ViewScore:
    """One of the most suspicious views, as shown in the report.

    Attributes
    ----------
    name : str
    index : int
    significance : float
        How much the view counts in LTFM.
    score : float
        Highest value of the view's map.

    Examples
    --------
    >>> blank = np.zeros((8, 8, 3), np.uint8)
    >>> views = [View(blank, name, index) for index, name in enumerate(["left", "front", "right"])]
    >>> worst = rank_views(views, scores=[0.1, 0.9, 0.4], significance=[0.2, 0.5, 0.3], most=2)
    >>> [(view.name, view.score) for view in worst]
    [('front', 0.9), ('right', 0.4)]
    """

    name: str
    index: int
    significance: float
    score: float


@dataclass
class Result:
    """The result for one study.

    Attributes
    ----------
    study, source, modality
        Name, path and kind of the input.
    score : float
        Calibrated on normal inputs, in [0, 1]; never normalised per image.
    threshold : float
        A score at or above it is anomalous.
    doubt : str
        Why the verdict is "unsure", or why there is none.
    covered : bool
        Whether calibration covers this kind of input; where it does not there is no verdict.
    p_normal : float, optional
        Share of normal inputs of this kind that come to a higher score, where that is known.
    p_normal_from : str
        Which normal inputs that was learnt from, in a few words.
    findings : tuple of Finding
        What each source of evidence found, without its heat.
    heatmap : NativeMap
    regions : list of Region
        Where an anomalous study is anomalous; at least one. None of any other.
    worst_views : list of ViewScore
        The most suspicious views, highest score first.
    answer : Answer or None
    views : int
        Number of views.
    model : dict
        ``name``, ``revision``, and the ``sha256`` of each weight file.
    seconds : dict
        ``load, encode, match, lift, explain, write, total``.
    artifacts : dict
        Names of the files written, relative to the study's folder.
    notes : list of str
    medical : bool
        The study shows a patient; reports keep quiet about its file.
    candidates : list of Region
        Places of a study that is not anomalous that reach the threshold on the map and do not decide.

    Examples
    --------
    >>> class Pixels(NativeMap):
    ...     values = np.zeros((8, 8), np.float32)
    ...     def regions(self, threshold, limit=20):
    ...         return []
    >>> map_ = Pixels()
    >>> result = Result("tile", Path("tile.png"), Modality("image"), 0.8, 0.5, map_, [], [], 1, {"name": "nano"}, "1.0")
    >>> result.verdict, result.suspicion, result.to_json()["input"]
    ('anomalous', 'highly', 'tile.png')
    """

    study: str
    source: Path
    modality: Modality
    score: float
    threshold: float
    heatmap: NativeMap
    regions: list[Region]
    worst_views: list[ViewScore]
    views: int
    model: dict[str, Any]
    version: str
    findings: tuple[Finding, ...] = ()
    answer: Answer | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    medical: bool = False
    candidates: list[Region] = field(default_factory=list)
    doubt: str = ""
    covered: bool = True
    p_normal: float | None = None
    p_normal_from: str = ""

    @property
    def verdict(self) -> str | None:
        """Return "anomalous" at or above the threshold, else "normal".

        "unsure" where there is a doubt; None where no calibration covers this kind of input.
        """
        if not self.covered:
            return None
        if self.doubt:
            return "unsure"
        return "anomalous" if self.score >= self.threshold else "normal"

    @property
    def verdict_in_words(self) -> str:
        """The verdict as people read it."""
        return self.verdict or "no verdict"

    @property
    def suspicion(self) -> str:
        """The score in the words of Anomaly-OneVision: slightly (< 0.3), moderately (< 0.7), highly suspicious."""
        return suspicion_word(self.score)

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "study": self.study,
            "input": str(self.source),
            "modality": str(self.modality),
            "score": self.score,
            "threshold": self.threshold,
            "verdict": self.verdict,
            "suspicion": self.suspicion,
            "findings": [{"name": one.name, "score": one.score} for one in self.findings],
            "p_normal": self.p_normal,
            "p_normal_from": self.p_normal_from or None,
            "views": self.views,
            "regions": [region.to_json() for region in self.regions],
            "candidates": [region.to_json() for region in self.candidates],
            "explanation": None if self.answer is None else self.answer.text,
            "answer": None if self.answer is None else self.answer.to_json(),
            "artifacts": self.artifacts,
            "model": self.model,
            "version": self.version,
            "seconds": self.seconds,
            "notes": self.notes,
        }


@dataclass(frozen=True)
class Failure:
    """An input that could not be used.

    Attributes
    ----------
    input : str
    reason : InputError
        What is wrong and what to do, in one line.

    Examples
    --------
    >>> Failure("tile.png", InputError("tile.png is empty; save it again")).to_json()
    {'input': 'tile.png', 'error': 'tile.png is empty; save it again'}
    """

    input: str
    reason: InputError

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of the command line's contract."""
        return {"input": self.input, "error": str(self.reason)}


@dataclass(frozen=True)
class Kept:
    """A study that was inspected before and is unchanged.

    Attributes
    ----------
    record : dict
        The object that was written then.

    Examples
    --------
    >>> Kept({"study": "tile-0a1b2c3d", "verdict": "normal"}).to_json()["verdict"]
    'normal'
    """

    record: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return self.record


def rank_views(
    views: Sequence[View], scores: npt.ArrayLike, significance: Sequence[float], most: int
) -> list[ViewScore]:
    """Return the `most` suspicious views with their scores, highest first; no others are made."""
    worst = np.argsort(scores)[::-1][:most].tolist()
    values = np.asarray(scores).tolist()
    return [ViewScore(views[index].name, index, float(significance[index]), values[index]) for index in worst]


def suspicion_word(score: float) -> str:
    """Return the word for `score` in the prompt of Anomaly-OneVision (arXiv 2502.07601)."""
    if score < 0.3:
        return "slightly"
    return "moderately" if score < 0.7 else "highly"


def finite(value: Any) -> Any:
    """Replace non-finite floats by None, recursively; NumPy scalars and arrays become Python objects."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value
