"""The first look: is something wrong, and where; what the second look is then shown."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from scipy.special import expit

from looktwice import modalities
from looktwice.classification.contour import cut
from looktwice.classification.normal import NormalMaterial
from looktwice.classification.anomaly import Contours, Exposure, Specimen
from looktwice.classification.learned_flaws import Outlined, TaughtFlaws
from looktwice.classification.golden_template import Templates
from looktwice.core.errors import InputError, UsageError
from looktwice.core.study import BoolArray, ByteArray, FloatArray, Modality, Study
from looktwice.evidence.references.photographs import describe
from looktwice.modalities.images import ImageStudy
from looktwice.pipeline import Inspector
from looktwice.reasoning.base import StudyContext
from looktwice.reasoning.remote import is_medical

CLOUD_VIEWS = 2
EVEN_ODDS = 0.5
# Of a region's facts, those that say nothing about its kind.
_NOT_TOLD = ("score", "centroid", "bbox", "centroid_world_mm", "peak", "threshold")


@dataclass(frozen=True, eq=False)
class Detection:
    """What the first look found in one input.

    Attributes
    ----------
    study : Study
    score, threshold : float
        The input is anomalous at or above the threshold.
    specimen : Specimen or None
        What is to be named; None where nothing is wrong.
    notes : list of str
    another_object : bool
        The input looks unlike every reference.
    seconds : float
    """

    study: Study
    score: float
    threshold: float
    specimen: Specimen | None
    notes: list[str] = field(default_factory=list)
    another_object: bool = False
    seconds: float = 0.0


class Detector:
    """Looks at inputs of any kind, photographs against normal ones where there are some.

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
        self._templates = Templates(self._images, tone == "dark") if self._images and tone else None
        self._normal = NormalMaterial(self._images, partial(describe, inspector.expert)) if self._images else None
        self._taught: TaughtFlaws | None = None

    def teach(self, flawed: Sequence[Outlined]) -> None:
        """Show photographs with the outlines of their flaws: from then on, what looks like these is looked for, too.

        Specimens then say how likely each kind is by what they look like. Drawings, and photographs without references,
        go on as before.
        """
        if flawed and self._images and self._templates is None:
            self._taught = TaughtFlaws(self.inspector.expert, self._images, flawed)

    def look(
        self, path: Path, modality: str = "auto", truth: BoolArray | None = None, certain: bool = False
    ) -> Detection:
        """Look at one input.

        Parameters
        ----------
        path : Path
        modality : {"auto", "image", "volume", "pointcloud"}
        truth : bool, shape (H, W), optional
            Where a photograph is anomalous, by ground truth: it takes the place of the map, and the contour is an
            ``oracle``.
        certain : bool
            The input is known to be anomalous: whatever stands out most in it is its region.

        Raises
        ------
        InputError
            The input cannot be used, is of another kind than the references, or `truth` does not fit it.
        """
        started = time.perf_counter()
        study = modalities.open(path, modality)
        if self.kind is not None and study.modality is not self.kind:
            raise InputError(
                f"{path}: is of kind {study.modality.value}, its references are of kind {self.kind.value}; give normal "
                "inputs of the same kind"
            )
        if isinstance(study, ImageStudy):
            found = self._look_at_photograph(study, truth, certain)
        elif truth is not None:
            raise InputError(f"{path}: ground truth is taken for photographs only")
        else:
            found = self._look_at_views(study, certain)
        return replace(found, seconds=time.perf_counter() - started)

    def _look_at_photograph(self, study: ImageStudy, truth: BoolArray | None, certain: bool) -> Detection:
        image = study.views()[0].image
        if truth is not None and (truth.shape != image.shape[:2] or not truth.any()):
            raise InputError(f"{study.source}: its mask is empty or of another size than the picture")
        judged = self._judge(study, image)
        notes = ["looks unlike every reference: check that they show the same kind of thing"] if judged.another else []
        found = Detection(study, judged.score, self.threshold, None, notes, judged.another)
        if truth is None and judged.score < self.threshold and not certain:
            return found
        mask = cut(judged.heat, (image.shape[1], image.shape[0]), self._map_threshold) if truth is None else truth
        contours = Contours.PREDICTED if truth is None else Contours.ORACLE
        # What the whole picture looks like says nothing about the part of it that ground truth outlines.
        likely = judged.likely if truth is None else {}
        exposure = Exposure(image, mask, "image", judged.nearest, judged.expected)
        return replace(found, specimen=Specimen((exposure,), contours, medical=is_medical(study), likely=likely))

    def _judge(self, study: ImageStudy, image: ByteArray) -> _Judged:
        if self._normal is None:
            result = self.inspector.examine(study, self.threshold).result
            return _Judged(result.score, result.heatmap.values)
        same = None if self._templates is None else self._templates.find(image)
        if self._templates is not None and same is not None:
            heat = self._templates.compare(image, same)
            return _Judged(float(heat.max()), heat, self._images[same], expected=self._images[same])
        found = self._normal.compare(image)
        judged = _Judged(found.score, found.heat, self._images[found.nearest], another=found.another_object)
        if self._taught is None:
            return judged
        alike = self._taught.find(image)
        # Where it looks like an example, the examples tell the place best.
        heat = alike.heat if alike.logit >= 0 or found.score < self._map_threshold else found.heat
        return replace(judged, score=max(found.score, float(expit(alike.logit))), heat=heat, likely=alike.kinds)

    def _look_at_views(self, study: Study, certain: bool) -> Detection:
        """Look at a volume or a cloud; the views that show the worst best are to be named."""
        context = self.inspector.examine(study, self.threshold)
        result = context.result
        found = Detection(study, result.score, self.threshold, None, list(result.notes))
        if result.score < self.threshold and not certain:
            return found
        count = CLOUD_VIEWS if study.modality is Modality.POINTCLOUD else 1
        exposures = tuple(self._expose(context, finding.index) for finding in result.findings[:count])
        worst = result.regions[0].to_json() if result.regions else {}
        facts = {name: value for name, value in worst.items() if name not in _NOT_TOLD}
        specimen = Specimen(exposures, Contours.PREDICTED, facts, is_medical(context.study))
        return replace(found, specimen=specimen)

    def _expose(self, context: StudyContext, index: int) -> Exposure:
        view = context.views[index]
        size = (view.image.shape[1], view.image.shape[0])
        mask = cut(context.maps[index], size, self._map_threshold)
        return Exposure(view.image, mask, view.name, self._reference_view(index, len(context.views)))

    def _reference_view(self, index: int, count: int) -> ByteArray | None:
        """Return the first reference's view at the same place: the same slice by its share of the stack."""
        if not self._studies:
            return None
        views = self._studies[0].views()
        return views[round(index / max(1, count - 1) * (len(views) - 1))].image


@dataclass(frozen=True, eq=False)
class _Judged:
    """What a photograph looks like beside the references.

    Attributes
    ----------
    score : float
    heat : float, shape (h, w)
    nearest : uint8, shape (H, W, 3), optional
        The reference that is most like it.
    expected : uint8, shape (H, W, 3), optional
        The very same drawing without flaws.
    another : bool
        No reference fits.
    likely : dict of str to float
        Log-probability of each kind by outlined examples.
    """

    score: float
    heat: FloatArray
    nearest: ByteArray | None = None
    expected: ByteArray | None = None
    another: bool = False
    likely: dict[str, float] = field(default_factory=dict)


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
