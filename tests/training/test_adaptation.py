"""Training adapters inside the encoder: it learns, stops and goes on, and leaves everything else alone."""

from __future__ import annotations

import pytest
import torch

from looktwice.encoders.adapters import AdapterShape, inject_adapters
from looktwice.encoders.dinov2 import DinoV2Small
from looktwice.evidence.networks.adapted_look_twice import AdaptedLookTwice
from looktwice.training.adaptation import AdaptationRecipe, train_adapters
from looktwice.training.pool import Pool

RECIPE = AdaptationRecipe(steps=12, batch=4, adapters=AdapterShape(4, 8, first_block=9), kept=3, warm_up=2)
GRID = (4, 4)


def made_encoder(recipe: AdaptationRecipe = RECIPE) -> DinoV2Small:
    torch.manual_seed(0)
    encoder = DinoV2Small(input_size=56)
    inject_adapters(encoder.network, recipe.adapters)
    return encoder


@pytest.fixture(scope="module")
def planted() -> Pool:
    """Two sources; an anomalous picture has one token of another kind."""
    torch.manual_seed(2)
    encoder = DinoV2Small(input_size=56)
    with torch.inference_mode():
        hidden = encoder.hidden(torch.randn(16, 3, 56, 56) * 0.1, RECIPE.adapters.first_block)
    hidden, labels = hidden.clone(), torch.tensor([0.0, 1.0] * 8)
    cells = torch.zeros(16, *GRID)
    for number in range(1, 16, 2):
        hidden[number, 1 + number % 16] += 8 * torch.randn(hidden.shape[2])
        cells[number].view(-1)[number % 16] = 1.0
    return Pool(hidden.half(), labels, cells, torch.ones(16), ["a"] * 8 + ["b"] * 8)


def levels_needed(encoder: DinoV2Small, pool: Pool) -> int:
    return len(encoder.after(pool.hidden[:1].float(), RECIPE.adapters.first_block).levels)


def test_training_lowers_the_losses_and_changes_only_adapters(planted):
    encoder = made_encoder(AdaptationRecipe(**{**vars(RECIPE), "steps": 40}))
    frozen = {name: one.clone() for name, one in encoder.network.named_parameters() if "lora_" not in name}
    look_twice = AdaptedLookTwice([384] * levels_needed(encoder, planted), embed_dim=16)
    losses: list[dict[str, float]] = []
    recipe = AdaptationRecipe(**{**vars(RECIPE), "steps": 40, "averaging": 0.5})
    train_adapters(encoder, look_twice, planted, recipe, report=lambda step, values: losses.append(values))
    for name in ("image", "map"):
        assert sum(one[name] for one in losses[-8:]) < 0.9 * sum(one[name] for one in losses[:8])
    for name, one in encoder.network.named_parameters():
        if "lora_" not in name:
            torch.testing.assert_close(one, frozen[name], rtol=0, atol=0)
    assert not look_twice.training


class StoppedError(Exception):
    pass


def test_a_stopped_training_ends_with_the_weights_of_an_unbroken_one(planted, tmp_path, monkeypatch):
    monkeypatch.setattr("looktwice.training.adaptation.CHECKPOINT_STEPS", 5)

    def fresh() -> tuple[DinoV2Small, AdaptedLookTwice]:
        encoder = made_encoder()
        torch.manual_seed(1)
        return encoder, AdaptedLookTwice([384] * levels_needed(encoder, planted), embed_dim=16)

    unbroken, resumed = fresh(), fresh()
    train_adapters(*unbroken, planted, RECIPE)

    def stop(step: int, values: dict[str, float]) -> None:
        if step == 8:
            raise StoppedError

    checkpoint = tmp_path / "runs größe" / "checkpoint.pt"
    with pytest.raises(StoppedError):
        train_adapters(*fresh(), planted, RECIPE, checkpoint, stop)
    steps: list[int] = []
    train_adapters(*resumed, planted, RECIPE, checkpoint, lambda step, values: steps.append(step))
    assert steps == list(range(5, 12))
    for one, other in zip(unbroken, resumed, strict=True):
        for name, tensor in one.state_dict().items():
            torch.testing.assert_close(other.state_dict()[name], tensor, msg=name)
