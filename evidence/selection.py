"""The tokens that a language model reads: Look-Twice Feature Matching, as published, over the encoder of all views.

Its score is reported and does not count: over an ImageNet encoder it ranks below self-reference on sets left out of
training, and mixing the two ranks lower too. Photographs are judged by ``ltfm``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from looktwice.core.calibration import exact_logit
from looktwice.core.finding import Finding, Join
from looktwice.core.study import Study
from looktwice.evidence.base import Context
from looktwice.evidence.encoding import EncodedViews, StudyTokens
from looktwice.evidence.networks.look_twice import FirstLook

NAME = "selection"
TITLE = "Tokens selected for the language model (does not count)"


def fits(study: Study) -> bool:
    """Whether this source can say something about a study: always."""
    return True


@torch.inference_mode()
def keep(views: EncodedViews, context: Context) -> Sequence[FirstLook]:
    """Return the first look at each view, with its crops."""
    network = context.expert.look_twice
    vector = network.context(views.base)
    if len(vector) > 1:
        vector = vector.repeat_interleave(torch.tensor(views.crop_counts, device=vector.device), dim=0)
    return network.look(views.crops.final, views.crops.levels, vector).split(views.crop_counts)


@torch.inference_mode()
def look(study: Study, tokens: StudyTokens, context: Context) -> Finding:
    """Gather the first looks of all views into the selected tokens and a score."""
    looks = FirstLook.concatenate(tokens.kept[NAME])
    selected = context.expert.look_twice.gather(looks, [len(looks.maps)])
    return Finding(NAME, float(exact_logit(float(selected.score[0]))), join=Join.NONE, selected=selected)
