"""What is usual of each material: raw logits and descriptors of its normal photographs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from looktwice.core.batches import batched
from looktwice.core.errors import InputError
from looktwice.core.rates import RATES
from looktwice.core.study import ByteArray
from looktwice.evidence import ltfm
from looktwice.evidence.encoding import encode_photographs
from looktwice.evidence.expert import Expert
from looktwice.evidence.materials import LEVEL, Materials, describe
from looktwice.modalities.images import read_image  # kind: materials are what photographs show
from looktwice.training.corpus import Source

# Normal photographs of a material that are looked at, and the least that tell what is usual.
MOST, LEAST = 60, 8
BATCH = 8


@torch.inference_mode()
def usual_of_materials(expert: Expert, judges: Sequence[Expert], sources: Sequence[Source]) -> Materials:
    """Measure what Look-Twice says of the normal photographs of each material.

    Parameters
    ----------
    expert : Expert
        Whose encoder describes the photographs.
    judges : sequence of Expert
        Experts that have not seen some of the sources: each source is judged by the first that has not seen it, so that
        its logits are those of unseen material; by `expert` itself where all have.
    sources : sequence of Source
        Those of photographs with at least eight normal ones count.
    """
    usable = [source for source in sources if len(source.normals) >= LEAST]
    names = tuple(source.name for source in usable)
    found = Materials(names, 2 * expert.config.adapted.level_dims[LEVEL])
    for row, source in enumerate(usable):
        judge = next((one for one in judges if source.name not in one.config.photographs_trained_on), expert)
        descriptors, logits = [], []
        for batch in batched(_pictures(source), BATCH):
            judged = ltfm.judge(encode_photographs(judge, batch), judge)
            logits += [one.raw(expert.config.settings.photographs) for one in judged]
            descriptors += (
                [one.descriptor for one in judged]
                if judge is expert
                else list(describe(expert.adapted_encoder.encode(batch).levels).cpu())
            )
        raw = torch.tensor(logits)
        found.descriptors[row] = torch.stack(descriptors).mean(dim=0)
        found.middle[row], found.high[row] = raw.median(), _high(raw.numpy())
    return found


def _pictures(source: Source) -> Iterator[ByteArray]:
    step = max(1, len(source.normals) // MOST)
    for path in source.normals[::step][:MOST]:
        try:
            yield read_image(path)
        except InputError:  # `datasets check` names it
            continue


def _high(logits: np.ndarray) -> float:
    """Return what the stated share of normal photographs exceeds, the next one being one of n + 1."""
    share = min(1.0, np.ceil((len(logits) + 1) * (1 - RATES.pictures)) / len(logits))
    return float(np.quantile(logits, share))
