"""The SigLIP tower without its last layer, on a small tower of the real class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import SiglipVisionConfig, SiglipVisionModel

from looktwice.core.errors import WeightsError
from looktwice.encoders.siglip import LEVEL_STATES, SiglipEncoder

LAYERS = 6
LEVELS = (1, 2, 4, 5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = SiglipVisionConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        image_size=42,
        patch_size=14,
    )
    path = tmp_path_factory.mktemp("siglip")
    SiglipVisionModel(config).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def block_outputs(folder: Path):
    """Run the whole tower and return what each of its blocks gives."""
    tower = SiglipVisionModel.from_pretrained(folder).eval()
    outputs: list[torch.Tensor] = []

    def keep(module, inputs, output):
        outputs.append(output[0] if isinstance(output, tuple) else output)

    for block in getattr(tower, "vision_model", tower).encoder.layers:
        block.register_forward_hook(keep)

    def run(pixels: torch.Tensor) -> list[torch.Tensor]:
        outputs.clear()
        with torch.inference_mode():
            tower(pixels)
        return list(outputs)

    return run


def test_final_tokens_are_the_last_but_one_block_without_layernorm(folder, block_outputs):
    encoder = SiglipEncoder(str(folder), level_states=LEVELS)
    pixels = torch.randn(2, 3, 42, 42)
    blocks = block_outputs(pixels)
    assert len(blocks) == LAYERS
    with torch.inference_mode():
        tokens = encoder(pixels)
    torch.testing.assert_close(tokens.final, blocks[-2])
    for state, level in zip(LEVELS, tokens.levels, strict=True):
        torch.testing.assert_close(level, blocks[state - 1])


def test_the_released_levels_are_blocks_6_12_18_and_24():
    assert tuple(block + 1 for block in (6, 12, 18, 24)) == LEVEL_STATES


def test_the_door_says_what_comes_out(folder):
    encoder = SiglipEncoder(str(folder), level_states=LEVELS)
    tokens = encoder.encode([np.zeros((30, 50, 3), np.uint8), np.full((42, 42, 3), 255, np.uint8)])
    assert encoder.input_size == 42
    assert tokens.grid == encoder.grid == (3, 3)
    assert tokens.final.shape == (2, encoder.num_tokens, encoder.token_dim) == (2, 9, 16)
    assert [level.shape[2] for level in tokens.levels] == list(encoder.level_dims)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_precision_is_what_was_asked_for(folder):
    tokens = SiglipEncoder(str(folder), dtype=torch.bfloat16, level_states=LEVELS).encode(
        [np.zeros((42, 42, 3), np.uint8)]
    )
    assert tokens.final.dtype == torch.bfloat16


def test_a_missing_tower_is_named(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="nobody/siglip"):
        SiglipEncoder("nobody/siglip")
