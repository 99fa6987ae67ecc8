"""What flaws look like, and which kind they are, as a few outlined examples teach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import expit
from torch import Tensor

from looktwice.classification.lesson import Lesson
from looktwice.classification.token_judge import Vectors
from looktwice.core.batches import batched
from looktwice.core.study import BoolArray, ByteArray, FloatArray
from looktwice.core.tokens import Tokens
from looktwice.evidence.expert import Expert
from looktwice.evidence.self_reference.maps import FeatureLevel, describe

BATCH = 8
# Tokens of two middle depths, where the expert looks at photographs a second time.
DEPTHS = (FeatureLevel(1, 1), FeatureLevel(2, 1))
# So many normal pictures are enough to learn from.
MOST_NORMAL = 64


@dataclass(frozen=True, eq=False)
class Outlined:
    """An example: a photograph, where its flaw lies, and of which kind it is.

    Attributes
    ----------
    image : uint8, shape (H, W, 3)
    outline : bool, shape (H, W)
    kind : str
    """

    image: ByteArray
    outline: BoolArray
    kind: str


@dataclass(frozen=True, eq=False)
class Found:
    """What a photograph shows of what the examples show.

    Attributes
    ----------
    logit : float
        At 0, about one in twenty normal pictures lies above.
    heat : float32, shape (h, w)
        In [0, 1]; at 0.5, about two in a thousand places of normal pictures lie above.
    kinds : dict of str to float
        Log-probability of each kind, should it be flawed.
    """

    logit: float
    heat: FloatArray
    kinds: dict[str, float]


class TaughtFlaws:
    """Tells flaws that look like outlined examples from normal material, and from each other.

    Parameters
    ----------
    expert : Expert
        Its last look at photographs describes them.
    normal : sequence of uint8, shape (H, W, 3)
        At least two normal pictures.
    flawed : sequence of Outlined
        At least one.
    """

    def __init__(self, expert: Expert, normal: Sequence[ByteArray], flawed: Sequence[Outlined]) -> None:
        self._expert = expert
        sound = self._describe(normal[:: -(-len(normal) // MOST_NORMAL)])
        shown = self._describe([one.image for one in flawed])
        covered = np.stack([_cover(one.outline, shown.shape[1:3]) for one in flawed])
        self._lesson = Lesson(sound, shown, covered, [one.kind for one in flawed])

    def find(self, image: ByteArray) -> Found:
        """Look for what the examples show."""
        logit, places, kinds = self._lesson.judge(self._describe([image]))
        return Found(logit, expit(places).astype(np.float32), kinds)

    @torch.inference_mode()
    def _describe(self, pictures: Sequence[ByteArray]) -> Vectors:
        """Tokens (V, h, w, C) of pictures."""
        looks = self._expert.config.passes
        encoder = self._expert.pass_encoders[-1] if looks else self._expert.encoder
        parts = [_describe(encoder.encode(batch)) for batch in batched(pictures, BATCH)]
        return torch.cat(parts).cpu().numpy()


def _describe(tokens: Tokens) -> Tensor:
    return torch.cat([describe(tokens, field) for field in DEPTHS], dim=1).movedim(1, -1)


def _cover(outline: BoolArray, grid: tuple[int, ...]) -> Vectors:
    """Share of each token's square that lies inside an outline, (h, w)."""
    share = F.interpolate(torch.from_numpy(outline[None, None].astype(np.float32)), grid, mode="area")
    return share[0, 0].numpy()
