"""What tokens teach, on made ones whose truth is known; and flaws found by what outlined examples look like."""

from __future__ import annotations

import numpy as np
import pytest

from looktwice.evidence.comparisons.learned_flaws import (
    LearnedFlaws,
    OutlinedExample,
    StackedClassifier,
    TokenClassifier,
)
from looktwice.evidence.settings import DEFAULTS

PLACES = [(16, 16), (40, 24), (30, 48)]


def outlined(parts, tone=10, kind="pit", seed=20):
    return [OutlinedExample(parts.plate(seed + n, tone, at), parts.disc(at), kind) for n, at in enumerate(PLACES)]


@pytest.fixture
def taught(inspector, parts):
    return LearnedFlaws(inspector.expert, [parts.plate(seed) for seed in range(8)], outlined(parts))


@pytest.mark.parametrize("at", [(20, 44), (46, 46)])
def test_what_looks_like_an_example_is_found_where_it_lies(taught, parts, at):
    found = taught.find(parts.plate(90, 10, at))
    assert found.logit > 0
    row, column = np.unravel_index(found.heat.maps[0].argmax(), found.heat.maps[0].shape)
    scale = 64 / found.heat.maps.shape[1]
    assert abs((row + 0.5) * scale - at[0]) < 10
    assert abs((column + 0.5) * scale - at[1]) < 10


def test_normal_material_is_not_taken_for_an_example(taught, parts):
    normal = [taught.find(parts.plate(seed)) for seed in range(100, 108)]
    flawed = [taught.find(parts.plate(seed, 10)) for seed in range(200, 204)]
    assert max(one.logit for one in normal) < min(one.logit for one in flawed)
    assert np.median([one.logit for one in normal]) < 0
    assert np.mean([(one.heat.maps < 0.5).mean() for one in normal]) > 0.9


@pytest.mark.parametrize("count", [1, 3])
def test_kinds_are_told_apart_from_one_example_each(inspector, parts, count):
    normal = [parts.plate(seed) for seed in range(8)]
    flawed = [*outlined(parts)[:count], *outlined(parts, 240, "blob", 30)[:count]]
    taught = LearnedFlaws(inspector.expert, normal, flawed)
    for tone, kind in ((10, "pit"), (240, "blob")):
        for at in ((20, 44), (46, 46)):
            found = taught.find(parts.plate(90, tone, at))
            assert max(found.kinds, key=found.kinds.get) == kind
            assert sum(np.exp(list(found.kinds.values()))) == pytest.approx(1, abs=1e-3)


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
    classifier = StackedClassifier(made_tokens(rng, 20), shown, np.ones((10, 6, 6), np.float32), ["a"] * 5 + ["b"] * 5)
    normal = [classifier.judge(made_tokens(rng, 1))[0] for _ in range(40)]
    assert np.mean(np.array(normal) > 0) < 0.25
    for number, kind in enumerate("ab"):
        found = [classifier.judge(made_tokens(rng, 1, number)) for _ in range(20)]
        assert np.mean([logit > 0 for logit, _, _ in found]) > 0.9
        assert np.mean([max(kinds, key=kinds.get) == kind for _, _, kinds in found]) > 0.9


def test_evidence_is_the_odds_of_each_kind_against_normal_tokens():
    rng = np.random.default_rng(1)
    shown = np.concatenate([made_tokens(rng, 4, kind) for kind in (0, 1)])
    covered, kinds = np.ones((8, 6, 6), np.float32), np.repeat([0, 1], 4)
    both = TokenClassifier.learned(made_tokens(rng, 8), shown, covered, kinds, DEFAULTS.learned_flaws)
    one = TokenClassifier.learned(made_tokens(rng, 8), shown[:4], covered[:4], kinds[:4], DEFAULTS.learned_flaws)
    tokens = made_tokens(rng, 20, 1)
    assert both.evidence(tokens).shape == (20, 6, 6, 2)
    assert one.evidence(tokens).shape == (20, 6, 6, 1)
    assert both.evidence(tokens).mean(axis=(0, 1, 2)).argmax() == 1
    assert one.evidence(made_tokens(rng, 20, 0)).mean() > one.evidence(made_tokens(rng, 20)).mean()
    half = TokenClassifier.mean([both, TokenClassifier(-both.weights, -both.bias)])
    assert np.allclose(half.evidence(tokens), 0)
