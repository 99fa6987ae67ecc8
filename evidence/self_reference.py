"""Self-reference: how unlike the rest of its own view each token is, weighed by small learnt probes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from looktwice.core.calibration import Calibration
from looktwice.core.finding import Finding, ViewHeat
from looktwice.core.study import Study
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import EncodedViews, StudyTokens, is_photograph
from looktwice.evidence.self_reference_maps import self_reference_maps
from looktwice.evidence.settings import DEFAULTS

NAME = "self_reference"
TITLE = "Unlike the rest of the same study"
# The source that judges heads, and the name of its calibration.
TISSUE = "tissue"
NOT_COVERED = (
    "Only heads whose tissue can be held against the MNI152 template were calibrated; give normal scans of this kind "
    "by --references, or calibrate with `looktwice calibrate`."
)


def fits(study: Study) -> bool:
    """Whether the study has slices or renderings for views."""
    return not is_photograph(study)


@torch.inference_mode()
def keep(views: EncodedViews, context: Context) -> Sequence[tuple[Tensor, Tensor]]:
    """Return the map (h, w) and the logit of each view, neither calibrated."""
    levels, settings = context.config.feature_levels, context.config.settings.self_reference
    maps, logits = context.expert.fusion(self_reference_maps(views.tokens, levels, settings))
    return list(zip(maps.cpu(), logits.cpu(), strict=True))


@torch.inference_mode()
def look(study: Study, tokens: StudyTokens, context: Context) -> Finding:
    """Calibrate maps and logits by what normal inputs of this kind show."""
    calibration = context.calibration(str(study.modality)) or Calibration()
    raw_maps, raw_logits = (torch.stack(list(parts)) for parts in zip(*tokens.kept[NAME], strict=True))
    logits = calibration.of_scores(raw_logits)
    maps = calibration.of_maps(raw_maps).sigmoid().float().numpy()
    worst = worst_views(logits, context.config.settings.self_reference.worst_views_share)
    found = Finding(NAME, float(worst), ViewHeat(maps), view_scores=logits.sigmoid().float().numpy())
    return found if covers(study, context) else replace(found, doubt=NOT_COVERED, covered=False)


def covers(study: Study, context: Context) -> bool:
    """Whether the calibration says what is usual in a study.

    Volumes are calibrated on heads whose tissue can be judged. What a site has calibrated by its own normal inputs, or
    compares with others, is covered by these.
    """
    from looktwice.modalities.volumes.study import VolumeStudy  # kind: only heads are covered among volumes

    compared = context.references is not None or context.cohort is not None
    if compared or not isinstance(study, VolumeStudy):  # kind: as above
        return True
    judged = context.calibration(TISSUE) is None or context.finding(TISSUE) is not None
    return judged or str(study.modality) in context.config.calibrated_on_site


def worst_views(logits: Tensor, share: float = DEFAULTS.self_reference.worst_views_share) -> Tensor:
    """Mean logit of the most suspicious views of a study, so that a finding in few of many views decides it."""
    count = max(1, round(share * len(logits)))
    return logits.topk(count).values.mean()
