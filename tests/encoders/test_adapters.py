"""Adapters change nothing until they are trained, and merged ones do what injected ones did."""

from __future__ import annotations

import pytest
import torch

from looktwice.core.errors import WeightsError
from looktwice.encoders.adapters import AdapterShape, inject_adapters, merge_adapters
from looktwice.encoders.dinov2 import DinoV2Small

SHAPE = AdapterShape(rank=4, alpha=8, first_block=9)
SIDE = 56


@pytest.fixture
def adapted() -> tuple[DinoV2Small, dict[str, torch.nn.Parameter]]:
    encoder = DinoV2Small(SIDE)
    return encoder, inject_adapters(encoder.network, SHAPE)


def test_untrained_adapters_change_nothing(adapted):
    encoder, _ = adapted
    pixels = torch.randn(1, 3, SIDE, SIDE)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(pixels).final, DinoV2Small(SIDE)(pixels).final)


def test_merged_adapters_give_what_injected_ones_give(adapted):
    encoder, trained = adapted
    assert len(trained) == 3 * 4 * 2  # blocks, layers, factors
    with torch.no_grad():
        for one in trained.values():
            one.normal_(std=0.02)
    pixels, merged = torch.randn(1, 3, SIDE, SIDE), DinoV2Small(SIDE)
    before = merged(pixels).final
    merge_adapters(merged.network, SHAPE, trained)
    with torch.inference_mode():
        torch.testing.assert_close(merged(pixels).final, encoder(pixels).final, atol=1e-4, rtol=1e-4)
    assert (merged(pixels).final - before).abs().max() > 1e-2


def test_rank_nought_is_the_encoder_as_it_was_published():
    encoder = DinoV2Small(SIDE)
    assert inject_adapters(encoder.network, AdapterShape(rank=0)) == {}


def test_adapters_of_another_network_are_an_error(adapted):
    _, trained = adapted
    wrong = {name: one[:, :3] if "lora_A" in name else one for name, one in trained.items()}
    with pytest.raises(WeightsError, match=r"adapters of blocks\.9"):
        merge_adapters(DinoV2Small(SIDE).network, SHAPE, wrong)
    half = {name: one for name, one in trained.items() if "lora_A" in name}
    with pytest.raises(WeightsError, match=r"adapters of blocks\.9"):
        merge_adapters(DinoV2Small(SIDE).network, SHAPE, half)
