"""DINOv2 ViT-S/14 against Hugging Face's own network with the same weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from safetensors.torch import save_file

from looktwice.core.errors import WeightsError
from looktwice.core.weights import cached_path, resolve_wheel_file
from looktwice.encoders import dinov2
from looktwice.encoders.dinov2 import DinoV2Small
from looktwice.encoders.registry import create_encoder

pytestmark = pytest.mark.skipif(
    not cached_path(dinov2.WEIGHTS).exists(), reason="run `looktwice models pull nano` once"
)


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    return dinov2._read_backbone(resolve_wheel_file(dinov2.WEIGHTS))


@torch.inference_mode()
def test_it_computes_what_hugging_faces_network_computes(published, tmp_path):
    from transformers import AutoModel, Dinov2Config

    config = Dinov2Config(hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14)
    config.save_pretrained(tmp_path)
    mask_token = {"embeddings.mask_token": torch.zeros(1, 384)}
    save_file(published | mask_token, tmp_path / "model.safetensors", metadata={"format": "pt"})
    theirs = AutoModel.from_pretrained(tmp_path).eval()
    # At the published side nobody interpolates position embeddings, which the two do differently.
    ours = DinoV2Small(518)
    pixels = ours.preprocess([skimage.data.chelsea()])
    output = theirs(pixels, output_hidden_states=True)
    tokens = ours(pixels)
    torch.testing.assert_close(tokens.final, output.last_hidden_state[:, 1:], atol=1e-3, rtol=1e-3)
    for level, block in zip(tokens.levels, dinov2.LEVEL_BLOCKS, strict=True):
        expected = theirs.layernorm(output.hidden_states[block + 1])[:, 1:]
        torch.testing.assert_close(level, expected, atol=1e-3, rtol=1e-3)


@torch.inference_mode()
def test_its_tokens_tell_a_cats_face_from_the_background():
    encoder = create_encoder("dinov2_small", input_size=224)
    tokens = torch.nn.functional.normalize(encoder.encode([skimage.data.chelsea()]).final[0], dim=1)
    grid = tokens.unflatten(0, encoder.grid)
    forehead, cheek, background = grid[4, 6], grid[7, 5], grid[3, 15]
    assert forehead @ cheek > forehead @ background + 0.2


def test_its_shape_at_the_door():
    encoder = DinoV2Small(126)
    tokens = encoder.encode([np.zeros((40, 30, 3), np.uint8), np.full((9, 9, 3), 255, np.uint8)])
    assert tokens.grid == encoder.grid == (9, 9)
    assert tokens.final.shape == (2, 81, encoder.token_dim)
    assert [level.shape[2] for level in tokens.levels] == list(encoder.level_dims)
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_a_side_that_no_patches_fill_is_refused():
    with pytest.raises(ValueError, match="multiple of 14"):
        DinoV2Small(100)


def test_a_file_that_lacks_a_tensor_is_refused(published, monkeypatch):
    lacking = {name: tensor for name, tensor in published.items() if name != "layernorm.bias"}

    def read(path: Path) -> dict[str, torch.Tensor]:
        return lacking

    monkeypatch.setattr(dinov2, "_read_backbone", read)
    with pytest.raises(WeightsError, match="does not match"):
        DinoV2Small()
