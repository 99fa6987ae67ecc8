"""Whether a picture is flawed, and of which kind, by the evidence of its tokens."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, logsumexp

from looktwice.classification.token_judge import Vectors

# A flaw shows in one token or in all of them: the evidence of so many of the worst is averaged, for each kind.
WORST_SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# Inverse strength of the logistic regression's penalty.
PENALTY = 0.2
# Worst tokens of a picture that is judged by its peak.
PEAK = 3
_LEAST_SPREAD = 1e-3


class PictureJudge:
    """A logistic regression over the evidence for each kind in ever larger parts of a picture.

    Parameters
    ----------
    shown : float32, shape (N, h, w, K)
        Evidence in flawed pictures, given by a judge who had not seen them; see ``TokenJudge.evidence``.
    kinds : int, shape (N,)
    sound : float32, shape (V, h, w, K)
        The same in normal pictures.
    """

    def __init__(self, shown: Vectors, kinds: npt.NDArray[np.intp], sound: Vectors) -> None:
        from sklearn.linear_model import LogisticRegression

        rows = _worst(np.concatenate([sound, shown]))
        self._mean, self._scale = rows.mean(axis=0), rows.std(axis=0) + _LEAST_SPREAD
        self._model = LogisticRegression(C=PENALTY, max_iter=1000, class_weight="balanced")
        self._model.fit((rows - self._mean) / self._scale, np.concatenate([np.zeros(len(sound), int), kinds + 1]))

    def judge(self, evidence: Vectors) -> tuple[Vectors, Vectors]:
        """Return log-odds (V,) of pictures being flawed, and the log-probability (V, K) of each kind if they are."""
        likely = self._model.predict_log_proba((_worst(evidence) - self._mean) / self._scale)
        return _flawed(likely[:, 1:] - likely[:, :1])


def judge_by_peak(evidence: Vectors) -> tuple[Vectors, Vectors]:
    """Judge pictures as :class:`PictureJudge` does, but by their worst tokens alone: there is nothing to learn."""
    flat = evidence.reshape(len(evidence), -1, evidence.shape[-1])
    worst = np.argsort(logsumexp(flat, axis=2), axis=1)[:, -PEAK:]
    return _flawed(np.take_along_axis(flat, worst[..., None], axis=1).mean(axis=1))


def _worst(evidence: Vectors) -> Vectors:
    """Mean evidence (V, S · K) of each share of worst tokens, kind by kind."""
    flat = np.sort(evidence.reshape(len(evidence), -1, evidence.shape[-1]), axis=1)[:, ::-1]
    counts = [max(1, round(share * flat.shape[1])) for share in WORST_SHARES]
    return np.concatenate([flat[:, :count].mean(axis=1) for count in counts], axis=1)


def _flawed(odds: Vectors) -> tuple[Vectors, Vectors]:
    return logsumexp(odds, axis=1), log_softmax(odds, axis=1)
