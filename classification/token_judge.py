"""Which tokens look like which kind of flaw: a multinomial logistic regression taught by outlined examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# A token is a flaw's where the outline covers so much of it, or nearly as much as of any token in a small flaw.
COVERED, OF_MOST = 0.5, 0.7
# Every n-th token of normal material is as good as all: they are many and alike.
EVERY = 3
# Of the logistic regression: inverse strength of the penalty, and the weight of all tokens together.
PENALTY, WEIGHT = 1e-3, 2000.0

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TokenJudge:
    """How much likelier a token is of each kind than of normal material.

    Attributes
    ----------
    weights : float32, shape (K, C)
    bias : float32, shape (K,)
    """

    weights: Vectors
    bias: Vectors

    @staticmethod
    def taught(sound: Vectors, shown: Vectors, covered: Vectors, kinds: npt.NDArray[np.intp]) -> TokenJudge:
        """Learn from tokens of normal pictures and of flawed ones.

        Parameters
        ----------
        sound : float32, shape (V, h, w, C)
        shown : float32, shape (N, h, w, C)
        covered : float32, shape (N, h, w)
            Share of each token that is flawed.
        kinds : int, shape (N,)
            Every one of 0 ... K − 1 among them.
        """
        from sklearn.linear_model import LogisticRegression

        flaws = [
            tokens[share >= min(COVERED, OF_MOST * share.max())] for tokens, share in zip(shown, covered, strict=True)
        ]
        sizes = [len(part) for part in flaws]
        rest = np.concatenate([sound.reshape(-1, sound.shape[-1])[::EVERY], shown[covered == 0][::EVERY]])
        mean, scale = rest.mean(axis=0), rest.std(axis=0).clip(1e-6)
        labels = np.concatenate([np.repeat(kinds + 1, sizes), np.zeros(len(rest), int)])
        # Flaws weigh the same whatever their size, and all of them as much as all that is normal.
        of_flaws = np.repeat([1 / (len(flaws) * size) for size in sizes], sizes)
        weights = WEIGHT * np.concatenate([of_flaws, np.full(len(rest), 1 / len(rest))])
        model = LogisticRegression(C=PENALTY, max_iter=500, tol=1e-3)
        model.fit((np.concatenate([*flaws, rest]) - mean) / scale, labels, sample_weight=weights)
        # Of two classes the model keeps the difference, of more it keeps each.
        several = len(model.classes_) > 2
        coefficients = (model.coef_[1:] - model.coef_[0] if several else model.coef_) / scale
        bias = model.intercept_[1:] - model.intercept_[0] if several else model.intercept_
        return TokenJudge(coefficients.astype(np.float32), (bias - coefficients @ mean).astype(np.float32))

    @staticmethod
    def mean(judges: Sequence[TokenJudge]) -> TokenJudge:
        """Return the judge who says what several say on average."""
        weights = np.mean([judge.weights for judge in judges], axis=0)
        return TokenJudge(weights, np.mean([judge.bias for judge in judges], axis=0))

    def evidence(self, tokens: Vectors) -> Vectors:
        """Return log-odds of each kind against normal material, (V, h, w, K), of tokens (V, h, w, C)."""
        return np.asarray(tokens @ self.weights.T + self.bias, np.float32)
