"""Look-Twice Feature Matching over the adapted encoder: which tokens look like an anomaly of this class of thing.

It judges photographs. Slices and renderings are judged by self-reference and by what is measured in their own space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from looktwice.core.calibration import Calibration
from looktwice.core.finding import Finding, ViewHeat
from looktwice.core.study import Study
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import EncodedViews, StudyTokens, is_photograph
from looktwice.evidence.materials import describe

NAME = "ltfm"
# Under this name an expert holds the calibration of photographs that are not compared; `looktwice calibrate` sets it.
CALIBRATED = "image"
DOUBT = (
    "Photographs of such a material were not calibrated; give normal ones by --references, or calibrate with "
    "`looktwice calibrate`."
)
TITLE = "Look-Twice Feature Matching (trained expert)"


@dataclass(frozen=True)
class Judged:
    """What Look-Twice says of a photograph, not calibrated.

    Attributes
    ----------
    places : Tensor, shape (h, w)
        Logits of places.
    logit : float
    descriptor : Tensor, shape (D,)
        What the whole photograph looks like; see ``materials``.

    Examples
    --------
    >>> Judged(torch.zeros(4, 4), 1.5, torch.zeros(8)).places.shape
    torch.Size([4, 4])
    """

    places: Tensor
    logit: float
    descriptor: Tensor


def fits(study: Study) -> bool:
    """Whether the study is a photograph."""
    return is_photograph(study)


@torch.inference_mode()
def keep(views: EncodedViews, context: Context) -> Sequence[Judged | None]:
    """Return what Look-Twice says of each photograph."""
    if views.adapted is None:
        return [None] * len(views.crop_counts)
    places, logits = context.expert.adapted_look_twice(views.adapted.levels, views.adapted.grid)
    found = zip(places.float().cpu(), logits.tolist(), describe(views.adapted.levels).cpu(), strict=True)
    return [Judged(*one) for one in found]


def look(study: Study, tokens: StudyTokens, context: Context) -> Finding:
    """Calibrate map and logit by what normal photographs of similar materials show."""
    [judged] = tokens.kept[NAME]
    calibration = context.calibration(CALIBRATED) or Calibration()
    material = context.expert.materials.like(judged.descriptor)
    heat = ViewHeat(calibration.of_maps(judged.places).sigmoid().numpy()[None])
    if material is None:
        return Finding(NAME, calibration.logit(judged.logit), heat)
    found = Finding(NAME, calibration.logit(material.logit(judged.logit)), heat)
    if material.similarity >= context.config.settings.photographs.least_similarity:
        said = f"normal photographs of {material.name}"
        return replace(found, p_normal=material.p_normal(judged.logit), p_normal_from=said)
    # A site's own normal photographs say what is usual where no known material does.
    return found if CALIBRATED in context.config.calibration else replace(found, doubt=DOUBT)
