"""Look-Twice Feature Matching over the adapted encoder: which tokens look like an anomaly of this class of thing.

It judges photographs, together with how unlike the rest of its own picture each token is: what was learnt from other
materials misses flaws that any eye sees by comparing (a chipped piece among whole ones). Slices and renderings are
judged by self-reference and by what is measured in their own space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from looktwice.core.calibration import Calibration
from looktwice.core.finding import Finding, ViewHeat
from looktwice.core.study import Study
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import EncodedViews, StudyTokens, is_photograph
from looktwice.evidence.expert import Expert
from looktwice.evidence.materials import describe
from looktwice.evidence.self_reference_maps import FeatureLevel, self_reference_maps
from looktwice.evidence.settings import DEFAULTS, PhotographSettings

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
    """What is seen in a photograph alone, not calibrated.

    Attributes
    ----------
    places : Tensor, shape (h, w)
        Look-Twice's logits of places.
    logit : float
        Look-Twice's logit of the photograph.
    descriptor : Tensor, shape (D,)
        What the whole photograph looks like; see ``materials``.
    rarity : Tensor, shape (h, w)
        Log distance of each place to the most similar ones elsewhere in the picture, on the same grid.

    Examples
    --------
    >>> judged = Judged(torch.zeros(4, 4), 1.5, torch.zeros(8), torch.eye(4))
    >>> judged.raw(PhotographSettings(rare_share=0.25, rarity_weight=2.0))
    3.5
    """

    places: Tensor
    logit: float
    descriptor: Tensor
    rarity: Tensor

    def raw(self, settings: PhotographSettings = DEFAULTS.photographs) -> float:
        """Return the logit of the photograph, its rarest places counted."""
        count = max(1, round(settings.rare_share * self.rarity.numel()))
        return self.logit + settings.rarity_weight * float(self.rarity.flatten().topk(count).values.mean())

    def raw_places(self, settings: PhotographSettings = DEFAULTS.photographs) -> Tensor:
        """Return the logits (h, w) of places; a picture's usual rarity changes none of them."""
        return self.places + settings.place_rarity_weight * (self.rarity - self.rarity.median())


def fits(study: Study) -> bool:
    """Whether the study is a photograph."""
    return is_photograph(study)


def keep(views: EncodedViews, context: Context) -> Sequence[Judged | None]:
    """Return what is seen in each photograph."""
    return [None] * len(views.crop_counts) if views.adapted is None else judge(views, context.expert)


@torch.inference_mode()
def judge(views: EncodedViews, expert: Expert) -> list[Judged]:
    """Return what is seen in each photograph of a batch: by Look-Twice, and beside the rest of the same picture.

    Parameters
    ----------
    views : EncodedViews
        Of photographs, encoded by the adapted encoder too.
    expert : Expert
    """
    adapted = views.adapted
    assert adapted is not None
    places, logits = expert.adapted_look_twice(adapted.levels, adapted.grid)
    settings = expert.config.settings
    field = FeatureLevel(settings.photographs.rarity_level, 1)
    rarity = self_reference_maps(views.tokens, [field], settings.self_reference)[:, :1]
    rarity = F.interpolate(rarity, places.shape[1:], mode="bilinear", align_corners=False)[:, 0]
    found = zip(places.float().cpu(), logits.tolist(), describe(adapted.levels).cpu(), rarity.cpu(), strict=True)
    return [Judged(*one) for one in found]


def look(study: Study, tokens: StudyTokens, context: Context) -> Finding:
    """Calibrate map and logit by what normal photographs of similar materials show."""
    [judged] = tokens.kept[NAME]
    settings, materials = context.config.settings.photographs, context.expert.materials
    calibration = context.calibration(CALIBRATED) or Calibration()
    raw, material = judged.raw(settings), materials.like(judged.descriptor)
    heat = ViewHeat(calibration.of_maps(judged.raw_places(settings)).sigmoid().numpy()[None])
    if material is None:
        return Finding(NAME, calibration.logit(raw), heat)
    found = Finding(NAME, calibration.logit(material.logit(raw)), heat)
    if material.similarity >= settings.least_similarity:
        said = f"normal photographs of {material.name}"
        return replace(found, p_normal=material.p_normal(raw), p_normal_from=said)
    # A site's own normal photographs say what is usual where no known material does; and what every known material
    # would call the same way is not in doubt.
    calibrated = CALIBRATED in context.config.calibration
    return found if calibrated or materials.agree(raw) else replace(found, doubt=DOUBT)
