"""What flaws look like, and which kind they are, learned from a few outlined examples.

A multinomial logistic regression separates tokens of each kind, and of normal material, from each other
(:class:`TokenClassifier`); a second one sums up what the tokens of a whole picture say (:class:`ImageClassifier`). The
second learns from pictures that the first has not seen, by cross-validation, so that examples look to it as new
pictures will: stacked generalization (Wolpert 1992), in :class:`StackedClassifier`. :class:`LearnedFlaws` puts
photographs to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from scipy.special import expit, log_softmax, logsumexp
from torch import Tensor

from looktwice.core.batches import batched
from looktwice.core.finding import Finding, ViewHeat
from looktwice.core.rates import RATES
from looktwice.core.study import BoolArray, ByteArray, FloatArray
from looktwice.core.tokens import Tokens
from looktwice.evidence.expert import Expert
from looktwice.evidence.self_reference_maps import FeatureLevel, describe
from looktwice.evidence.settings import DEFAULTS, LearnedFlawSettings

BATCH = 8
_LEAST_SPREAD = 1e-3

Vectors = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]
JudgeImages = Callable[[Vectors], tuple[Vectors, Vectors]]
"""Takes evidence (V, h, w, K); returns log-odds (V,) of a flaw, and log-probabilities (V, K) of its kinds."""


@dataclass(frozen=True, eq=False)
class OutlinedExample:
    """A photograph, where its flaw lies, and of which kind it is.

    Attributes
    ----------
    image : uint8, shape (H, W, 3)
    outline : bool, shape (H, W)
    kind : str

    Examples
    --------
    >>> image, outline = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), bool)
    >>> outline[20:24, 10:50] = True
    >>> example = OutlinedExample(image, outline, "scratch")
    >>> example.kind, int(example.outline.sum())
    ('scratch', 160)
    """

    image: ByteArray
    outline: BoolArray
    kind: str


class LearnedFlaws:
    """Finds flaws that look like outlined examples, and names their kinds.

    Parameters
    ----------
    expert : Expert
        Its adapted encoder describes photographs, at twice its side.
    normal : sequence of uint8, shape (H, W, 3)
        At least two normal pictures.
    flawed : sequence of OutlinedExample
        At least one.

    Examples
    --------
    Learn from one outlined spot, here with colours for tokens:

    >>> from types import SimpleNamespace
    >>> from looktwice.encoders.pixels import resize_batch
    >>> from looktwice.evidence.config import ExpertConfig
    >>> def encode(pictures):
    ...     colours = resize_batch(pictures, 8, mean=0.5, std=0.5).flatten(2).mT
    ...     return Tokens(colours, [colours] * 3, (8, 8))
    >>> encoder = SimpleNamespace(detailed=lambda: SimpleNamespace(encode=encode))
    >>> expert = SimpleNamespace(config=ExpertConfig("", {}, 16, ()), adapted_encoder=encoder)
    >>> sound = list(np.random.default_rng(0).integers(90, 110, (4, 64, 64, 3), np.uint8))
    >>> flawed, outline = sound[0].copy(), np.zeros((64, 64), bool)
    >>> flawed[16:32, 16:32, 0], outline[16:32, 16:32] = 255, True
    >>> flaws = LearnedFlaws(expert, sound, [OutlinedExample(flawed, outline, "red spot")])
    >>> flaws.find(flawed).logit > 0 > flaws.find(sound[1]).logit
    True
    """

    def __init__(self, expert: Expert, normal: Sequence[ByteArray], flawed: Sequence[OutlinedExample]) -> None:
        self._expert, settings = expert, expert.config.settings.learned_flaws
        # Twice the side: outlines are often smaller than a token.
        self._encoder = expert.adapted_encoder.detailed()
        sound = self._describe(normal[:: -(-len(normal) // settings.most_normal)])
        shown = self._describe([one.image for one in flawed])
        covered = np.stack([_cover(one.outline, shown.shape[1:3]) for one in flawed])
        self._classifier = StackedClassifier(sound, shown, covered, [one.kind for one in flawed], settings)

    def find(self, image: ByteArray) -> Finding:
        """Search a photograph for what the examples show.

        Returns
        -------
        Finding
            At a logit of 0 about one in twenty normal pictures lies above; at a heat of 0.5, about two in a thousand
            places of normal pictures do. Its kinds are those of the examples.
        """
        logit, places, kinds = self._classifier.judge(self._describe([image]))
        return Finding("outlined_examples", logit, ViewHeat(expit(places).astype(np.float32)[None]), kinds=kinds)

    @torch.inference_mode()
    def _describe(self, pictures: Sequence[ByteArray]) -> Vectors:
        """Tokens (V, h, w, C) of pictures."""
        levels = self._expert.config.settings.learned_flaws.levels
        parts = [_side_by_side(self._encoder.encode(batch), levels) for batch in batched(pictures, BATCH)]
        return torch.cat(parts).cpu().numpy()


class StackedClassifier:
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
    settings : LearnedFlawSettings

    Examples
    --------
    One token of a picture is flawed:

    >>> sound = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    >>> shown, covered = sound[:1].copy(), np.zeros((1, 8, 8), np.float32)
    >>> shown[0, 2, 3], covered[0, 2, 3] = 9, 1
    >>> logit, places, _ = StackedClassifier(sound, shown, covered, ["scratch"]).judge(shown)
    >>> logit > 0, int(places.argmax()) == 2 * 8 + 3
    (True, True)
    """

    def __init__(
        self,
        sound: Vectors,
        shown: Vectors,
        covered: Vectors,
        kinds: Sequence[str],
        settings: LearnedFlawSettings = DEFAULTS.learned_flaws,
    ) -> None:
        folds = settings.folds
        names, numbers, counts = np.unique(kinds, return_inverse=True, return_counts=True)
        self._kinds = [str(name) for name in names]
        enough = min(*counts, len(sound)) >= folds
        of_sound = _split(np.zeros(len(sound), int), folds if enough else 2)
        of_shown = _split(numbers, folds) if enough else np.full(len(shown), -1)
        seen_sound = np.empty((*sound.shape[:3], len(names)), np.float32)
        seen_shown = np.empty((*shown.shape[:3], len(names)), np.float32)
        classifiers = []
        for part in np.unique(of_sound):
            taught, held = of_shown != part, of_shown == part
            one = TokenClassifier.learned(
                sound[of_sound != part], shown[taught], covered[taught], numbers[taught], settings
            )
            seen_sound[of_sound == part] = one.evidence(sound[of_sound == part])
            seen_shown[held] = one.evidence(shown[held])
            classifiers.append(one)
        self._tokens = TokenClassifier.mean(classifiers)
        self._judge: JudgeImages = (
            ImageClassifier(seen_shown, numbers, seen_sound, settings).judge
            if enough
            else partial(judge_by_worst_tokens, peak=settings.peak_tokens)
        )
        self._even = float(np.quantile(self._judge(seen_sound)[0], 1 - RATES.held_out_pictures))
        self._even_place = float(np.quantile(logsumexp(seen_sound, axis=-1), 1 - RATES.picture_places))

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


@dataclass(frozen=True, eq=False)
class TokenClassifier:
    """How much likelier a token is of each kind than of normal material.

    Attributes
    ----------
    weights : float32, shape (K, C)
    bias : float32, shape (K,)

    Examples
    --------
    Evidence for each of two kinds in two tokens:

    >>> classifier = TokenClassifier(weights=np.eye(2, dtype=np.float32), bias=np.float32([-1, -2]))
    >>> classifier.evidence(np.float32([[5, 0], [0, 5]])).tolist()
    [[4.0, -2.0], [-1.0, 3.0]]
    """

    weights: Vectors
    bias: Vectors

    @staticmethod
    def learned(
        sound: Vectors, shown: Vectors, covered: Vectors, kinds: Indices, settings: LearnedFlawSettings
    ) -> TokenClassifier:
        """Learn from tokens of normal pictures and of flawed ones.

        Parameters
        ----------
        sound : float32, shape (V, h, w, C)
        shown : float32, shape (N, h, w, C)
        covered : float32, shape (N, h, w)
            Share of each token that is flawed.
        kinds : int, shape (N,)
            Every one of 0 ... K − 1 among them.
        settings : LearnedFlawSettings
        """
        from sklearn.linear_model import LogisticRegression

        flaws = [
            tokens[share >= min(settings.covered_share, settings.share_of_most * share.max())]
            for tokens, share in zip(shown, covered, strict=True)
        ]
        sizes = [len(part) for part in flaws]
        step = settings.normal_step
        rest = np.concatenate([sound.reshape(-1, sound.shape[-1])[::step], shown[covered == 0][::step]])
        mean, scale = rest.mean(axis=0), rest.std(axis=0).clip(1e-6)
        labels = np.concatenate([np.repeat(kinds + 1, sizes), np.zeros(len(rest), int)])
        # Flaws weigh the same whatever their size, and all of them as much as all that is normal.
        of_flaws = np.repeat([1 / (len(flaws) * size) for size in sizes], sizes)
        weights = settings.token_weight * np.concatenate([of_flaws, np.full(len(rest), 1 / len(rest))])
        model = LogisticRegression(C=settings.token_penalty, max_iter=500, tol=1e-3)
        model.fit((np.concatenate([*flaws, rest]) - mean) / scale, labels, sample_weight=weights)
        # Of two classes the model keeps the difference, of more it keeps each.
        several = len(model.classes_) > 2
        coefficients = (model.coef_[1:] - model.coef_[0] if several else model.coef_) / scale
        bias = model.intercept_[1:] - model.intercept_[0] if several else model.intercept_
        return TokenClassifier(coefficients.astype(np.float32), (bias - coefficients @ mean).astype(np.float32))

    @staticmethod
    def mean(classifiers: Sequence[TokenClassifier]) -> TokenClassifier:
        """Return the classifier that says what several say on average."""
        weights = np.mean([one.weights for one in classifiers], axis=0)
        return TokenClassifier(weights, np.mean([one.bias for one in classifiers], axis=0))

    def evidence(self, tokens: Vectors) -> Vectors:
        """Return log-odds of each kind against normal material, (V, h, w, K), of tokens (V, h, w, C)."""
        return np.asarray(tokens @ self.weights.T + self.bias, np.float32)


class ImageClassifier:
    """A logistic regression over the evidence for each kind in ever larger parts of a picture.

    Parameters
    ----------
    shown : float32, shape (N, h, w, K)
        Evidence in flawed pictures, from a token classifier that had not seen them; see `TokenClassifier.evidence`.
    kinds : int, shape (N,)
    sound : float32, shape (V, h, w, K)
        The same in normal pictures.
    settings : LearnedFlawSettings

    Examples
    --------
    Pictures of two kinds of flaws, by the evidence in their tokens:

    >>> evidence = np.random.default_rng(0).normal(-3, 1, (30, 8, 8, 2)).astype(np.float32)
    >>> evidence[10:20, 4, 4, 0] = evidence[20:, 4, 4, 1] = 9
    >>> kinds = np.repeat([0, 1], 10)
    >>> odds, likely = ImageClassifier(evidence[10:], kinds, evidence[:10], DEFAULTS.learned_flaws).judge(evidence)
    >>> bool(odds[:10].max() < odds[10:].min()), bool((likely[10:].argmax(axis=1) == kinds).all())
    (True, True)
    """

    def __init__(self, shown: Vectors, kinds: Indices, sound: Vectors, settings: LearnedFlawSettings) -> None:
        from sklearn.linear_model import LogisticRegression

        self._shares = settings.worst_shares
        rows = _worst(np.concatenate([sound, shown]), self._shares)
        self._mean, self._scale = rows.mean(axis=0), rows.std(axis=0) + _LEAST_SPREAD
        self._model = LogisticRegression(C=settings.image_penalty, max_iter=1000, class_weight="balanced")
        self._model.fit((rows - self._mean) / self._scale, np.concatenate([np.zeros(len(sound), int), kinds + 1]))

    def judge(self, evidence: Vectors) -> tuple[Vectors, Vectors]:
        """Return log-odds (V,) of pictures being flawed, and the log-probability (V, K) of each kind if they are."""
        likely = self._model.predict_log_proba((_worst(evidence, self._shares) - self._mean) / self._scale)
        return _flawed(likely[:, 1:] - likely[:, :1])


def judge_by_worst_tokens(evidence: Vectors, peak: int) -> tuple[Vectors, Vectors]:
    """Judge pictures as `ImageClassifier` does, but by their few worst tokens alone: there is nothing to learn."""
    flat = evidence.reshape(len(evidence), -1, evidence.shape[-1])
    worst = np.argsort(logsumexp(flat, axis=2), axis=1)[:, -peak:]
    return _flawed(np.take_along_axis(flat, worst[..., None], axis=1).mean(axis=1))


def _worst(evidence: Vectors, shares: Sequence[float]) -> Vectors:
    """Mean evidence (V, S · K) of each share of worst tokens, kind by kind."""
    flat = np.sort(evidence.reshape(len(evidence), -1, evidence.shape[-1]), axis=1)[:, ::-1]
    counts = [max(1, round(share * flat.shape[1])) for share in shares]
    return np.concatenate([flat[:, :count].mean(axis=1) for count in counts], axis=1)


def _flawed(odds: Vectors) -> tuple[Vectors, Vectors]:
    return logsumexp(odds, axis=1), log_softmax(odds, axis=1)


def _split(numbers: Indices, parts: int) -> Indices:
    """Deal the members of each kind out to parts; neighbours, which may show the same thing, to the same one."""
    dealt = np.empty(len(numbers), np.intp)
    for number in np.unique(numbers):
        members = np.flatnonzero(numbers == number)
        dealt[members] = np.arange(len(members)) * parts // len(members)
    return dealt


def _side_by_side(tokens: Tokens, levels: Sequence[int]) -> Tensor:
    return torch.cat([describe(tokens, FeatureLevel(level, 1)) for level in levels], dim=1).movedim(1, -1)


def _cover(outline: BoolArray, grid: tuple[int, ...]) -> Vectors:
    """Share of each token's square that lies inside an outline, (h, w)."""
    share = F.interpolate(torch.from_numpy(outline[None, None].astype(np.float32)), grid, mode="area")
    return share[0, 0].numpy()
