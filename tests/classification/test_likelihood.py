from __future__ import annotations

import numpy as np
import pytest

from looktwice.classification.likelihood import NAMES_AT_ONCE, Likelihood, score_names, share_out
from looktwice.classification.prompt import SYSTEM, write_pictures


def test_many_names_are_scored_as_few_are(one_prompter, taxonomy, pit):
    prompted = one_prompter.put(SYSTEM, write_pictures(pit), "Which?")
    spelled = {f"kind {number}": list(range(3, 4 + number % 3)) for number in range(NAMES_AT_ONCE + 3)}
    together = score_names(prompted, spelled, {257})
    for name, ids in spelled.items():
        [alone] = score_names(prompted, {name: ids}, {257}).values()
        assert together[name].total == pytest.approx(alone.total, abs=1e-4)


def test_any_token_that_ends_a_turn_ends_a_name(one_prompter, pit):
    prompted = one_prompter.put(SYSTEM, (), "Which?")
    [one], [other], [both] = (score_names(prompted, {"a": [5]}, ends).values() for ends in ({257}, {256}, {256, 257}))
    first = float(prompted.logits.log_softmax(dim=-1)[5])
    expected = np.logaddexp(one.total - first, other.total - first) + first
    assert both.total == pytest.approx(expected, abs=1e-4)


def likelihoods(**means):
    return {name: Likelihood(mean * tokens, tokens) for name, (mean, tokens) in means.items()}


def test_long_names_lose_nothing_and_the_prior_is_taken_off():
    flat = likelihoods(short=(-1.0, 2), long=(-1.0, 8), unknown=(-3.0, 2))
    shares = share_out(flat, flat)
    assert shares["short"] == pytest.approx(shares["long"])
    # What a model says anyway counts for nothing: "long" gained more by what was shown.
    seen = likelihoods(short=(-0.5, 2), long=(-1.0, 8), unknown=(-3.0, 2))
    unseen = likelihoods(short=(-0.5, 2), long=(-2.0, 8), unknown=(-0.1, 2))
    shares = share_out(seen, unseen)
    assert shares["long"] > shares["short"] > shares["unknown"]
    assert sum(shares.values()) == pytest.approx(1)
