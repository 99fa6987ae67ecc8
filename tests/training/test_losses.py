"""The losses of stage 1 against sums done by hand."""

from __future__ import annotations

from math import exp, log

import pytest
import torch

from looktwice.training.losses import ANOMALOUS_SHARE, image_loss, map_loss, ranking_loss


def test_both_classes_weigh_the_same_however_many_there_are():
    loss = image_loss(torch.tensor([0.9, 0.2, 0.4]), torch.tensor([1.0, 0.0, 0.0]))
    assert float(loss) == pytest.approx((-log(0.9) + (-log(0.8) - log(0.6)) / 2) / 2)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_alone_is_averaged(label):
    loss = image_loss(torch.tensor([0.5, 0.5]), torch.full((2,), label))
    assert float(loss) == pytest.approx(log(2))


def test_certain_scores_stay_finite():
    scores = torch.tensor([0.0, 1.0], requires_grad=True)
    loss = image_loss(scores, torch.tensor([1.0, 0.0]))
    loss.backward()
    assert loss.isfinite()
    assert scores.grad is not None
    assert scores.grad.isfinite().all()


def test_unknown_and_half_covered_tokens_do_not_count():
    maps = torch.tensor([[[0.8, 0.3], [0.6, 0.1]]])
    masks = torch.tensor([[[1.0, 0.0], [-1.0, ANOMALOUS_SHARE / 2]]])
    assert float(map_loss(maps, masks)) == pytest.approx((-log(0.8) - log(0.7)) / 2)


def test_maps_without_any_known_place_cost_nothing_and_still_have_a_gradient():
    maps = torch.rand(2, 3, 3, requires_grad=True)
    loss = map_loss(maps, torch.full((2, 3, 3), -1.0))
    loss.backward()
    assert float(loss.detach()) == 0
    assert maps.grad is not None
    assert not maps.grad.any()


def test_every_anomalous_example_is_compared_with_every_normal_one():
    logits = torch.tensor([2.0, 0.0, 1.0])
    loss = ranking_loss(logits, torch.tensor([1.0, 0.0, 0.0]))
    assert float(loss) == pytest.approx((log(1 + exp(-2)) + log(1 + exp(-1))) / 2)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_nothing_to_rank_costs_nothing(label):
    assert float(ranking_loss(torch.tensor([1.0, 2.0]), torch.full((2,), label))) == 0
