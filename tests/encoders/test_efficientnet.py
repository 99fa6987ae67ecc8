"""EfficientNet-Lite0 against timm's own network with the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import timm
import torch

from looktwice.core.errors import WeightsError
from looktwice.core.weights import cached_path
from looktwice.encoders import efficientnet
from looktwice.encoders.efficientnet import EfficientNetLite0
from looktwice.encoders.pixels import resize_batch

SIDE = 160

needs_weights = pytest.mark.skipif(
    not cached_path(efficientnet.WEIGHTS).exists(), reason="run `looktwice models pull nano` once"
)


@pytest.fixture(scope="module")
def encoder() -> EfficientNetLite0:
    return EfficientNetLite0(SIDE)


@pytest.fixture(scope="module")
def original() -> torch.nn.Module:
    """timm's network as it is, batch norms and classifier included, with the published weights."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    efficientnet._load_imagenet(network)
    return network


@needs_weights
@torch.inference_mode()
def test_the_published_weights_recognise_a_cat(original):
    pixels = resize_batch([skimage.data.chelsea()], 224, mean=0.5, std=0.5)
    assert int(original(pixels).argmax()) in range(281, 286)  # ImageNet's five kinds of cat


@needs_weights
@torch.inference_mode()
def test_folding_the_batch_norms_changes_nothing(encoder, original):
    pixels = encoder.preprocess([skimage.data.chelsea(), skimage.data.astronaut()])
    outputs: list[torch.Tensor] = []
    hooks = [stage.register_forward_hook(lambda *args: outputs.append(args[-1])) for stage in original.blocks]
    original.forward_features(pixels)
    for hook in hooks:
        hook.remove()
    shallow, _, middle, deep = encoder(pixels).levels

    def close(level: torch.Tensor, expected: torch.Tensor) -> None:
        torch.testing.assert_close(level.transpose(1, 2).unflatten(2, (10, 10)), expected, atol=2e-3, rtol=2e-3)

    close(middle, outputs[4])  # on the token grid already
    close(shallow, outputs[1].unflatten(3, (10, 4)).unflatten(2, (10, 4)).mean(dim=(3, 5)))
    close(deep, torch.nn.functional.interpolate(outputs[6], (10, 10), mode="bilinear"))


@needs_weights
def test_every_level_lies_on_the_one_grid_and_nothing_is_trainable(encoder):
    tokens = encoder.encode([skimage.data.chelsea(), skimage.data.camera()[..., None].repeat(3, axis=2)])
    assert tokens.grid == encoder.grid == (SIDE // 16, SIDE // 16)
    assert [level.shape for level in tokens.levels] == [(2, 100, dim) for dim in encoder.level_dims]
    assert tokens.final.shape == (2, encoder.num_tokens, encoder.token_dim)
    assert not encoder.training
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


@needs_weights
def test_a_token_is_the_same_place_on_every_level(encoder):
    dark = np.full((SIDE, SIDE, 3), 90, np.uint8)
    spotted = dark.copy()
    spotted[32:48, 112:128] = skimage.data.gravel()[:16, :16, None]
    before, after = encoder.encode([dark]), encoder.encode([spotted])
    for old, new in zip(before.levels, after.levels, strict=True):
        row, column = divmod(int((new - old).norm(dim=2).argmax()), 10)
        assert abs(row - 2) <= 1
        assert abs(column - 7) <= 1


@needs_weights
def test_a_picture_is_encoded_alike_alone_and_in_a_batch(encoder):
    pictures = [skimage.data.chelsea(), skimage.data.astronaut(), skimage.data.coffee()]
    together = encoder.encode(pictures).final[1]
    torch.testing.assert_close(together, encoder.encode(pictures[1:2]).final[0], atol=1e-3, rtol=1e-3)


def test_sizes_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="multiple of 32"):
        EfficientNetLite0(100)


def test_weights_of_another_network_are_refused(monkeypatch, tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"conv.weight": torch.zeros(3)}, path)
    monkeypatch.setattr(efficientnet, "resolve_wheel_file", lambda file: path)
    with pytest.raises(WeightsError, match="does not match"):
        EfficientNetLite0(SIDE)
