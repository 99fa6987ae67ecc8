"""What tokens teach, on made ones whose truth is known."""

from __future__ import annotations

import numpy as np

from looktwice.classification.lesson import Lesson
from looktwice.classification.token_judge import TokenJudge


def made_tokens(rng, count, kind=None):
    """Tokens of pictures of 6 × 6: noise in 8 channels, of which one rises over the whole of a flawed picture."""
    tokens = rng.normal(0, 1, (count, 6, 6, 8)).astype(np.float32)
    if kind is not None:
        tokens[..., kind] += 1.0
    return tokens


def test_a_faint_flaw_that_covers_a_picture_is_found_by_all_its_tokens():
    """No single token stands out by more than the noise; their mean does."""
    rng = np.random.default_rng(0)
    shown = np.concatenate([made_tokens(rng, 5, kind) for kind in (0, 1)])
    lesson = Lesson(made_tokens(rng, 20), shown, np.ones((10, 6, 6), np.float32), ["a"] * 5 + ["b"] * 5)
    normal = [lesson.judge(made_tokens(rng, 1))[0] for _ in range(40)]
    assert np.mean(np.array(normal) > 0) < 0.25
    for number, kind in enumerate("ab"):
        found = [lesson.judge(made_tokens(rng, 1, number)) for _ in range(20)]
        assert np.mean([logit > 0 for logit, _, _ in found]) > 0.9
        assert np.mean([max(kinds, key=kinds.get) == kind for _, _, kinds in found]) > 0.9


def test_evidence_is_the_odds_of_each_kind_against_normal_tokens():
    rng = np.random.default_rng(1)
    shown = np.concatenate([made_tokens(rng, 4, kind) for kind in (0, 1)])
    covered, kinds = np.ones((8, 6, 6), np.float32), np.repeat([0, 1], 4)
    both = TokenJudge.taught(made_tokens(rng, 8), shown, covered, kinds)
    one = TokenJudge.taught(made_tokens(rng, 8), shown[:4], covered[:4], kinds[:4])
    tokens = made_tokens(rng, 20, 1)
    assert both.evidence(tokens).shape == (20, 6, 6, 2)
    assert one.evidence(tokens).shape == (20, 6, 6, 1)
    assert both.evidence(tokens).mean(axis=(0, 1, 2)).argmax() == 1
    assert one.evidence(made_tokens(rng, 20, 0)).mean() > one.evidence(made_tokens(rng, 20)).mean()
    half = TokenJudge.mean([both, TokenJudge(-both.weights, -both.bias)])
    assert np.allclose(half.evidence(tokens), 0)
