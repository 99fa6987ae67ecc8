"""Detection before naming: is something wrong, where, and what is it to be shown beside.

This file alone opens inputs and knows the pipeline. What it finds goes to naming as a :class:`~.anomaly.Detection`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from scipy.special import expit

from looktwice import modalities
from looktwice.classification.anomaly import Detection, SuspectView
from looktwice.classification.golden_template import GoldenTemplates
from looktwice.classification.learned_flaws import LearnedFlaws, OutlinedExample
from looktwice.classification.normal import NormalMaterial
from looktwice.core.errors import InputError, UsageError
from looktwice.core.study import ByteArray, Modality, Study
from looktwice.evidence.comparisons.photographs import describe
from looktwice.modalities.images import ImageStudy
from looktwice.pipeline import Inspector

CLOUD_VIEWS = 2
EVEN_ODDS = 0.5


class Detector:
    """Detects anomalies in inputs of any kind; photographs beside normal ones where there are some.

    Parameters
    ----------
    inspector : Inspector
        Volumes, clouds, and photographs without references are judged by its expert.
    references : sequence of Path
        Normal inputs of one kind; photographs at least two of them.
    tone : {"dark", "bright"} or None
        Of the material, where photographs are drawings of two tones: a reference that shows the same drawing is then
        compared pixel by pixel.
    threshold : float, optional
        Of the score; by default the model's, or 0.5 (even odds) against references.

    Raises
    ------
    UsageError
        A reference cannot be used, they are of several kinds, or there is only one photograph.
    """

    def __init__(
        self,
        inspector: Inspector,
        references: Sequence[Path] = (),
        tone: str | None = None,
        threshold: float | None = None,
    ) -> None:
        self.inspector = inspector
        self.kind, self._images, self._studies = _open_references(references)
        self._map_threshold = EVEN_ODDS if self._images else inspector.expert.config.threshold
        self.threshold = self._map_threshold if threshold is None else threshold
        self._templates = GoldenTemplates(self._images, tone == "dark") if self._images and tone else None
        self._normal = NormalMaterial(self._images, partial(describe, inspector.expert)) if self._images else None
        self._learned: LearnedFlaws | None = None

    def learn(self, flawed: Sequence[OutlinedExample]) -> None:
        """Learn from photographs with the outlines of their flaws; from then on, detect what looks like these, too.

        A detection then also says how likely each kind is by its looks. Drawings, and photographs without references,
        are judged as before.
        """
        if flawed and self._images and self._templates is None:
            self._learned = LearnedFlaws(self.inspector.expert, self._images, flawed)

    def detect(self, path: Path, modality: str = "auto") -> Detection:
        """Open and judge one input.

        Parameters
        ----------
        path : Path
        modality : {"auto", "image", "volume", "pointcloud"}

        Raises
        ------
        InputError
            The input cannot be used, or is of another kind than the references.
        """
        started = time.perf_counter()
        study = modalities.open(path, modality)
        if self.kind is not None and study.modality is not self.kind:
            raise InputError(
                f"{path}: is of kind {study.modality.value}, its references are of kind {self.kind.value}; give normal "
                "inputs of the same kind"
            )
        found = self._photograph(study) if isinstance(study, ImageStudy) else self._views(study)
        return replace(found, seconds=time.perf_counter() - started)

    def _photograph(self, study: ImageStudy) -> Detection:
        image = study.views()[0].image
        if self._normal is None:
            result = self.inspector.look(study, self.threshold).result
            view = SuspectView(image, result.heatmap.values)
            return Detection(study, result.score, self.threshold, self._map_threshold, (view,))
        same = None if self._templates is None else self._templates.find(image)
        if self._templates is not None and same is not None:
            expected = self._images[same]
            view = SuspectView(image, self._templates.compare(image, same), reference=expected, expected=expected)
            return Detection(study, float(view.heat.max()), self.threshold, self._map_threshold, (view,))
        return self._beside_normal(study, image, self._normal)

    def _beside_normal(self, study: ImageStudy, image: ByteArray, normal: NormalMaterial) -> Detection:
        compared = normal.compare(image)
        score, heat, likely = compared.score, compared.heat, {}
        if self._learned is not None:
            alike = self._learned.find(image)
            # Where it looks like an example, the examples tell the place best.
            heat = alike.heat if alike.logit >= 0 or score < self._map_threshold else heat
            score, likely = max(score, float(expit(alike.logit))), alike.kinds
        another = compared.another_object
        notes = ["looks unlike every reference: check that they show the same kind of thing"] if another else []
        view = SuspectView(image, heat, reference=self._images[compared.nearest])
        return Detection(
            study,
            score,
            self.threshold,
            self._map_threshold,
            (view,),
            likely=likely,
            notes=notes,
            another_object=another,
        )

    def _views(self, study: Study) -> Detection:
        """Judge a volume or a cloud; the views that show the worst best are to be named."""
        context = self.inspector.look(study, self.threshold)
        count = CLOUD_VIEWS if study.modality is Modality.POINTCLOUD else 1
        shown = [finding.index for finding in context.result.findings[:count]]
        return Detection.of(context, shown, self._map_threshold, self._reference_view)

    def _reference_view(self, index: int, count: int) -> ByteArray | None:
        """Return the first reference's view at the same place: the same slice by its share of the stack."""
        if not self._studies:
            return None
        views = self._studies[0].views()
        return views[round(index / max(1, count - 1) * (len(views) - 1))].image


def _open_references(paths: Sequence[Path]) -> tuple[Modality | None, list[ByteArray], list[Study]]:
    """Open references: the pictures of photographs, else the studies."""
    studies = []
    for path in paths:
        try:
            studies.append(modalities.open(path))
        except InputError as error:
            raise UsageError(f"reference {error}") from error
    kinds = {study.modality for study in studies}
    if len(kinds) > 1:
        raise UsageError(f"references are of several kinds: {', '.join(sorted(kind.value for kind in kinds))}")
    if not studies:
        return None, [], []
    if kinds != {Modality.IMAGE}:
        return studies[0].modality, [], studies
    if len(studies) < 2:
        raise UsageError("at least two photographs are needed as references, to know how normal ones differ")
    return Modality.IMAGE, [study.views()[0].image for study in studies], []
