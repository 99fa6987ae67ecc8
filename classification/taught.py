"""What flaws look like, learnt from a few outlined examples: a logistic regression over the tokens of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.special import expit
from torch import Tensor

from looktwice.classification.normal import FALSE_ALARMS, FALSE_PLACES
from looktwice.encoders.base import Tokens
from looktwice.encoders.batches import batched
from looktwice.encoders.expert import Expert
from looktwice.encoders.self_reference import Field, describe
from looktwice.modalities.study import BoolArray, ByteArray, FloatArray

BATCH = 8
# Tokens of two middle depths, where the expert looks at photographs a second time.
DEPTHS = (Field(1, 1), Field(2, 1))
# A token is a flaw's where the outline covers so much of it, or nearly as much as of any token in a small flaw.
COVERED, OF_MOST = 0.5, 0.7
# So many normal pictures are enough to learn from.
MOST_NORMAL = 64
# Every n-th token of normal material is as good as all: they are many and alike.
EVERY = 3
# A picture is as flawed as the mean of its worst tokens.
WORST = 3
# Of the logistic regression: inverse strength of the penalty, and the weight of all tokens together.
PENALTY, WEIGHT = 1e-3, 2000.0

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Found:
    """Where a photograph looks like the examples.

    Attributes
    ----------
    logit : float
        At 0, one in twenty normal pictures lies above.
    heat : float32, shape (h, w)
        In [0, 1]; at 0.5, two in a thousand places of normal pictures lie above.
    """

    logit: float
    heat: FloatArray


class TaughtFlaws:
    """Tells flaws that look like outlined examples from normal material.

    The levels that are even odds come from one half of the normal pictures, judged by what the examples and the other
    half have taught.

    Parameters
    ----------
    expert : Expert
        Its last look at photographs describes them.
    normal : sequence of uint8, shape (H, W, 3)
        At least two normal pictures.
    flawed : sequence of (picture, bool outline of shape (H, W))
        At least one.
    """

    def __init__(
        self, expert: Expert, normal: Sequence[ByteArray], flawed: Sequence[tuple[ByteArray, BoolArray]]
    ) -> None:
        self._expert = expert
        sound = self._describe(normal[:: -(-len(normal) // MOST_NORMAL)])
        shown = self._describe([picture for picture, _ in flawed])
        covered = np.stack([_cover(outline, shown.shape[1:3]) for _, outline in flawed])
        self._judge = _Judge.taught(sound, shown, covered)
        halves = [_Judge.taught(sound[start::2], shown, covered).places(sound[1 - start :: 2]) for start in (0, 1)]
        places = np.concatenate(halves)
        self._even = (
            float(np.quantile(_worst(places), 1 - FALSE_ALARMS)),
            float(np.quantile(places, 1 - FALSE_PLACES)),
        )

    def find(self, image: ByteArray) -> Found:
        """Look for what the examples show."""
        places = self._judge.places(self._describe([image]))
        heat = expit(places[0] - self._even[1]).astype(np.float32)
        return Found(float(_worst(places)[0]) - self._even[0], heat)

    @torch.inference_mode()
    def _describe(self, pictures: Sequence[ByteArray]) -> Vectors:
        """Tokens (V, h, w, C) of pictures."""
        looks = self._expert.config.looks
        encoder = self._expert.lookers[-1] if looks else self._expert.encoder
        parts = [_describe(encoder.encode(batch)) for batch in batched(pictures, BATCH)]
        return torch.cat(parts).cpu().numpy()


class _Judge:
    """A logistic regression of standardised tokens: flawed, or not."""

    def __init__(self, mean: Vectors, scale: Vectors, weights: Vectors, bias: float) -> None:
        self._mean, self._scale, self._weights, self._bias = mean, scale, weights, bias

    @staticmethod
    def taught(sound: Vectors, shown: Vectors, covered: Vectors) -> _Judge:
        """Learn from tokens of normal pictures and of flawed ones, and the share of each token that is flawed."""
        from sklearn.linear_model import LogisticRegression

        flaws, counts = [], []
        for tokens, share in zip(shown, covered, strict=True):
            part = tokens[share >= min(COVERED, OF_MOST * share.max())]
            flaws.append(part)
            counts.append(np.full(len(part), 1 / len(part)))
        rest = np.concatenate([sound.reshape(-1, sound.shape[-1])[::EVERY], shown[covered == 0][::EVERY]])
        mean, scale = rest.mean(axis=0), rest.std(axis=0).clip(1e-6)
        vectors = (np.concatenate([*flaws, rest]) - mean) / scale
        of_flaws = np.concatenate(counts)
        # Flaws weigh the same whatever their size, and all of them as much as all that is normal.
        weights = np.concatenate([of_flaws / of_flaws.sum(), np.full(len(rest), 1 / len(rest))])
        labels = np.arange(len(vectors)) < len(of_flaws)
        model = LogisticRegression(C=PENALTY, max_iter=500).fit(vectors, labels, sample_weight=WEIGHT * weights)
        return _Judge(mean, scale, model.coef_[0].astype(np.float32), float(model.intercept_[0]))

    def places(self, tokens: Vectors) -> FloatArray:
        """Logits (V, h, w) of tokens (V, h, w, C)."""
        logits = ((tokens - self._mean) / self._scale) @ self._weights + self._bias
        return np.asarray(logits, np.float32)


def _describe(tokens: Tokens) -> Tensor:
    return torch.cat([describe(tokens, field) for field in DEPTHS], dim=1).movedim(1, -1)


def _cover(outline: BoolArray, grid: tuple[int, ...]) -> Vectors:
    """Share of each token's square that lies inside an outline, (h, w)."""
    share = F.interpolate(torch.from_numpy(outline[None, None].astype(np.float32)), grid, mode="area")
    return share[0, 0].numpy()


def _worst(places: FloatArray) -> FloatArray:
    """Mean (V,) of the worst places of each picture."""
    flat = np.sort(places.reshape(len(places), -1), axis=1)
    mean: FloatArray = flat[:, -WORST:].mean(axis=1)
    return mean
