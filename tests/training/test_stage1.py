"""Stage 1 on planted anomalies: it learns, and a stopped training goes on as if it had not been stopped."""

from __future__ import annotations

import pytest
import torch

from looktwice.training.stage1 import Recipe, train_look_twice


def test_training_lowers_both_losses_and_leaves_the_model_ready(make_expert, make_tokens):
    expert, losses = make_expert(), []
    train_look_twice(
        expert, make_tokens(0), Recipe(steps=60, batch=12), report=lambda step, values: losses.append(values)
    )
    assert len(losses) == 60
    for name in ("image", "map"):
        first = sum(values[name] for values in losses[:10])
        last = sum(values[name] for values in losses[-10:])
        assert last < 0.8 * first
    assert not expert.look_twice.training


class StoppedError(Exception):
    pass


def test_a_stopped_training_ends_with_the_weights_of_an_unbroken_one(make_expert, make_tokens, tmp_path):
    tokens, recipe = make_tokens(0), Recipe(steps=130, batch=6, restarts=50)
    unbroken = make_expert()
    train_look_twice(unbroken, tokens, recipe)

    def stop(step: int, values: dict[str, float]) -> None:
        if step == 115:
            raise StoppedError

    checkpoint = tmp_path / "runs größe" / "checkpoint.pt"
    with pytest.raises(StoppedError):
        train_look_twice(make_expert(), tokens, recipe, checkpoint, stop)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint.pt"]
    steps = []
    resumed = make_expert()
    train_look_twice(resumed, tokens, recipe, checkpoint, lambda step, values: steps.append(step))
    assert steps == list(range(100, 130))
    for name, tensor in unbroken.look_twice.state_dict().items():
        torch.testing.assert_close(resumed.look_twice.state_dict()[name], tensor, msg=name)
