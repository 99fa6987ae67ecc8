"""Scores of many inputs in a row, for the benchmark: each on its own, against references, or as a cohort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from looktwice import modalities
from looktwice.core.batches import batched
from looktwice.core.errors import InputError, WeightsError
from looktwice.core.study import Study
from looktwice.evaluation.scorer import ScoredInput, Scorer
from looktwice.evidence.expert import Sighting
from looktwice.modalities.images import ImageStudy
from looktwice.modalities.pointclouds.pointmap import PointMap
from looktwice.pipeline import Inspector

BATCH = 16


def open_scorer(
    model: str,
    *,
    device: str = "auto",
    cohort: bool = False,
    references: Sequence[Path] | None = None,
    exclude: str | None = None,
) -> Scorer:
    """Open what the benchmark asks for scores.

    Parameters
    ----------
    model : str
        Name or path of a model.
    device : str
    cohort : bool
        Inputs are scored against the others of their kind.
    references : sequence of Path, optional
        Normal inputs to compare with: of a kind, at least two photographs or three others.
    exclude : str, optional
        A set that the weights must not have been trained on.

    Raises
    ------
    WeightsError
        No weights that were trained without `exclude` are at hand.
    """
    inspector = Inspector(model, device)
    seen = inspector.expert.config.trained_on
    if exclude is not None and exclude in seen:
        raise WeightsError(
            f"{model} was trained on {exclude}; train without it (`looktwice train expert --leave-out {exclude}`) "
            "and give the expert's path as --model"
        )
    if cohort:
        return CohortScorer(inspector)
    if references:
        inspector.compare_with_references(references)
    return SingleScorer(inspector)


class SingleScorer:
    """Each input on its own, or beside what its inspector compares with; photographs are encoded in batches."""

    def __init__(self, inspector: Inspector) -> None:
        self.inspector = inspector
        self.threshold = inspector.expert.config.threshold

    def score(self, paths: Sequence[Path]) -> Iterator[ScoredInput]:
        """Yield one result per path, in order."""
        for batch in batched(paths, BATCH):
            studies = [_open(path) for path in batch]
            photographs = [study for study in studies if isinstance(study, ImageStudy)]
            results = iter(self.score_photographs(photographs) if photographs else [])
            for study in studies:
                if isinstance(study, ImageStudy):
                    yield next(results)
                elif isinstance(study, Study):
                    yield self._score_study(study)
                else:
                    yield ScoredInput(error=study)

    def score_photographs(self, studies: Sequence[ImageStudy]) -> list[ScoredInput]:
        """Score a batch of photographs."""
        pictures = [study.views()[0].image for study in studies]
        return _scored(self.see(pictures), pictures)

    def see(self, pictures: Sequence[npt.NDArray[np.uint8]]) -> list[Sighting]:
        """Look at a batch of photographs."""
        references = self.inspector.beside.photographs
        return self.inspector.expert.see_photographs(pictures) if references is None else references.see(pictures)

    def _score_study(self, study: Study) -> ScoredInput:
        try:
            result = self.inspector.examine(study).result
        except InputError as error:
            return ScoredInput(error=str(error))
        heatmap = result.heatmap
        points = heatmap.points if isinstance(heatmap, PointMap) else None
        return ScoredInput(score=result.score, heatmap=heatmap.values, points=points)


class CohortScorer(SingleScorer):
    """All inputs at once, each beside the others of its kind."""

    def score(self, paths: Sequence[Path]) -> Iterator[ScoredInput]:
        """Yield one result per path, in order, once all have been read."""
        self.inspector.compare_with_each_other(paths)
        for path in paths:
            study = _open(path)
            if isinstance(study, str):
                yield ScoredInput(error=study)
            elif isinstance(study, ImageStudy) and path in self.inspector.beside.cohort:
                yield from _scored([self.inspector.beside.cohort[path]], [study.views()[0].image])
            else:
                yield self._score_study(study)


def _scored(sightings: Sequence[Sighting], pictures: Sequence[npt.NDArray[np.uint8]]) -> list[ScoredInput]:
    return [
        ScoredInput(score=sighting.score, heatmap=sighting.maps[0], picture=picture)
        for sighting, picture in zip(sightings, pictures, strict=True)
    ]


def _open(path: Path) -> Study | str:
    """Open one input; its error in one line where that fails."""
    try:
        return modalities.open(path)
    except InputError as error:
        return str(error)
