"""What the harness asks of whatever is evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from looktwice.core.result import Failure


@dataclass(frozen=True)
class ScoredInput:
    """What a scorer says of one input.

    Attributes
    ----------
    score : float
        In [0, 1]; ignored when there is an `error`.
    heatmap : float array, optional
        In [0, 1]. Of a photograph, (h, w) at any resolution, covering its full extent; of a volume (I, J, K), of a
        cloud (P,): one value per voxel or point. None when the scorer does not localise.
    error : str, optional
        Why this input could not be scored.
    points : float, shape (P, 3), optional
        Coordinates of a cloud's points, by which anomalous points are joined to regions (AUPRO).
    picture : uint8, shape (H, W) or (H, W, 3), optional
        The decoded photograph, which spares the harness decoding it again for the trivial predictors.

    Examples
    --------
    >>> scored = ScoredInput(0.9, heatmap=np.array([[0.1, 0.9]]))
    >>> scored.score, scored.error
    (0.9, None)
    >>> ScoredInput(error="cannot be read").score
    nan
    """

    score: float = float("nan")
    heatmap: npt.NDArray[np.floating[Any]] | None = None
    error: str | None = None
    points: npt.NDArray[np.floating[Any]] | None = None
    picture: npt.NDArray[np.uint8] | None = None


class Examiner(Protocol):
    """What examines inputs: an ``Inspector``.

    Attributes
    ----------
    threshold : float
        At or above it a score means "anomalous".
    """

    threshold: float

    def examine(self, sources: Iterable[Any]) -> Iterator[Any]:
        """Yield a ``Failure``, or what has ``result`` and ``views``, for each input, in order."""
        ...


class Scorer(Protocol):
    """Gives every input a score; made once per set, with the references of that set.

    Attributes
    ----------
    threshold : float
        At or above it a score means "anomalous".
    """

    threshold: float

    def score(self, paths: Sequence[Path]) -> Iterator[ScoredInput]:
        """Yield one result per path, in order; a path that cannot be scored yields an error, not an exception."""
        ...


class InspectionScorer:
    """Scores inputs as ``looktwice inspect`` does.

    Parameters
    ----------
    examiner : Examiner

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from looktwice.core.errors import InputError
    >>> result = SimpleNamespace(score=0.9, heatmap=SimpleNamespace(values=np.ones((2, 2))))
    >>> answers = [SimpleNamespace(result=result, views=()), Failure("2.png", InputError("cannot be read"))]
    >>> scorer = InspectionScorer(SimpleNamespace(threshold=0.5, examine=lambda paths: answers))
    >>> [scored.error or scored.score for scored in scorer.score([Path("1.png"), Path("2.png")])]
    [0.9, 'cannot be read']
    """

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner
        self.threshold = examiner.threshold

    def score(self, paths: Sequence[Path]) -> Iterator[ScoredInput]:
        """Yield one result per path, in order; a path that cannot be scored yields an error, not an exception."""
        for examined in self._examiner.examine(paths):
            if isinstance(examined, Failure):
                yield ScoredInput(error=str(examined.reason))
                continue
            heatmap, views = examined.result.heatmap, examined.views
            yield ScoredInput(
                score=examined.result.score,
                heatmap=heatmap.values,
                points=getattr(heatmap, "points", None),
                picture=views[0].image if len(views) == 1 else None,
            )
