"""What the tokens of outlined flaws teach about pictures: whether they are flawed, where, and of which kind.

One logistic regression tells the tokens of each kind and of normal material from each other (:mod:`.token_judge`);
another sums up what the tokens of a whole picture say (:mod:`.picture_judge`). The second learns from pictures that the
first has not seen, by cross-validation, so that examples look to it as new pictures will: stacked generalization
(Wolpert 1992).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from looktwice.classification.normal import FALSE_ALARMS, FALSE_PLACES
from looktwice.classification.picture_judge import PictureJudge, judge_by_peak
from looktwice.classification.token_judge import TokenJudge, Vectors
from looktwice.core.study import FloatArray

# Parts of the cross-validation; fewer examples of a kind, or fewer normal pictures, cannot be split so often.
FOLDS = 5
# Held-out pictures are judged by one judge, new ones by the mean of all, who is calmer: of normal ones, half as many
# are called.
HELD_OUT_ALARMS = 2 * FALSE_ALARMS

Indices = npt.NDArray[np.intp]


class Lesson:
    """Judges pictures by what tokens of outlined flaws and of normal material have taught.

    With fewer than five examples of a kind none are held out: pictures are then judged by their worst tokens alone.

    Parameters
    ----------
    sound : float32, shape (V, h, w, C)
        Tokens of at least two normal pictures.
    shown : float32, shape (N, h, w, C)
        Tokens of at least one flawed picture.
    covered : float32, shape (N, h, w)
        Share of each token that is flawed.
    kinds : sequence of N str
    """

    def __init__(self, sound: Vectors, shown: Vectors, covered: Vectors, kinds: Sequence[str]) -> None:
        names, numbers, counts = np.unique(kinds, return_inverse=True, return_counts=True)
        self._kinds = [str(name) for name in names]
        enough = min(*counts, len(sound)) >= FOLDS
        of_sound = _split(np.zeros(len(sound), int), FOLDS if enough else 2)
        of_shown = _split(numbers, FOLDS) if enough else np.full(len(shown), -1)
        seen_sound = np.empty((*sound.shape[:3], len(names)), np.float32)
        seen_shown = np.empty((*shown.shape[:3], len(names)), np.float32)
        judges = []
        for part in np.unique(of_sound):
            taught, held = of_shown != part, of_shown == part
            judge = TokenJudge.taught(sound[of_sound != part], shown[taught], covered[taught], numbers[taught])
            seen_sound[of_sound == part] = judge.evidence(sound[of_sound == part])
            seen_shown[held] = judge.evidence(shown[held])
            judges.append(judge)
        self._tokens = TokenJudge.mean(judges)
        self._judge = PictureJudge(seen_shown, numbers, seen_sound).judge if enough else judge_by_peak
        self._even = float(np.quantile(self._judge(seen_sound)[0], 1 - HELD_OUT_ALARMS))
        self._even_place = float(np.quantile(logsumexp(seen_sound, axis=-1), 1 - FALSE_PLACES))

    def judge(self, tokens: Vectors) -> tuple[float, FloatArray, dict[str, float]]:
        """Judge one picture by its tokens, (1, h, w, C).

        Returns
        -------
        logit : float
            At 0, about one in twenty normal pictures lies above.
        places : float32, shape (h, w)
            Logits; at 0, about two in a thousand places of normal pictures lie above.
        kinds : dict of str to float
            Log-probability of each kind, should the picture be flawed.
        """
        evidence = self._tokens.evidence(tokens)
        (logit,), (kinds,) = self._judge(evidence)
        places = logsumexp(evidence[0], axis=-1) - self._even_place
        return float(logit) - self._even, places, dict(zip(self._kinds, map(float, kinds), strict=True))


def _split(numbers: Indices, parts: int) -> Indices:
    """Deal the members of each kind out to parts; neighbours, which may show the same thing, to the same one."""
    dealt = np.empty(len(numbers), np.intp)
    for number in np.unique(numbers):
        members = np.flatnonzero(numbers == number)
        dealt[members] = np.arange(len(members)) * parts // len(members)
    return dealt
